"""The curve of hits against false hits as a picture (SVG)."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 400, 60, 30, 20, 50
_COLOURS = ("#1f6feb", "#c9510c", "#2da44e")
_MOST_FALSE = 0.10


def curve_svg(curves: Mapping[str, Sequence[Mapping[str, float | int]]], title: str) -> str:
    """Return the picture: to the right the share of hits, upwards that of false ones among them, 10 % at most."""
    size, font = f'width="{_WIDTH}" height="{_HEIGHT}"', 'font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
        f'<rect {size} fill="white"/>',
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
    ]
    for tenth in range(11):
        share = tenth / 10
        x, y = _x(share), _y(share * _MOST_FALSE)
        parts.append(f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{_HEIGHT - _BOTTOM}" stroke="#eee"/>')
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#eee"/>')
        parts.append(f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tenth * 10}%</text>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{tenth}%</text>')
    parts.append(
        f'<text x="{_x(0.5)}" y="{_HEIGHT - 12}" text-anchor="middle">questions answered without a call</text>'
    )
    parts.append(f'<text x="14" y="{_y(0.05)}" transform="rotate(-90 14 {_y(0.05)})">false, of those</text>')
    for (name, points), colour in zip(curves.items(), _COLOURS, strict=False):
        at = sorted((float(p["hits"]), min(float(p["false_of_hits"]), _MOST_FALSE)) for p in points)
        line = " ".join(f"{_x(hits)},{_y(false)}" for hits, false in at)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{_x(hits)}" cy="{_y(false)}" r="3" fill="{colour}"/>' for hits, false in at]
        row = 14 * (1 + list(curves).index(name))
        parts.append(f'<text x="{_LEFT + 10}" y="{_TOP + row}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - share / _MOST_FALSE * (_HEIGHT - _TOP - _BOTTOM), 1)
