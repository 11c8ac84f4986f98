"""Names of HTML: which elements do what, and how mail programs mark older messages and signatures."""

VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
RAW = frozenset({
    "iframe", "noembed", "noframes", "noscript", "script", "style", "template", "textarea", "title", "xmp",
})  # fmt: skip
SKIPPED = frozenset({
    "applet", "audio", "canvas", "datalist", "map", "math", "object", "select", "svg", "video",
})  # fmt: skip
PARAGRAPHS = frozenset({
    "blockquote", "dl", "fieldset", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table",
    "ul",
})  # fmt: skip
BLOCKS = PARAGRAPHS | frozenset({
    "address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "div", "dt",
    "figcaption", "footer", "form", "header", "hgroup", "html", "legend", "li", "main", "nav", "option", "section",
    "summary", "tbody", "tfoot", "thead", "tr",
})  # fmt: skip

# What the beginning of an element ends unasked, and the elements it does not reach beyond.
ENDED_BY = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "table"})),
    "td": (frozenset({"td", "th"}), frozenset({"table", "tr"})),
    "th": (frozenset({"td", "th"}), frozenset({"table", "tr"})),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl", "table"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl", "table"})),
    "option": (frozenset({"option"}), frozenset({"select"})),
}
BARRIERS = frozenset({"table", "td", "th", "caption"})
TABLE_PARTS = frozenset({"table", "thead", "tbody", "tfoot", "tr", "td", "th"})
QUOTE_CLASSES = (
    "gmail_quote", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote", "zmail_extra", "tutanota_quote",
    "gmail_attr", "outlookmessageheader", "ms-outlook-mobile-reference-message", "mailru-blockquote",
    "mail-quote-collapse",
)  # fmt: skip
WRAPPER_CLASSES = ("gmail_quote", "gmail_quote_container", "protonmail_quote", "zmail_extra")
STRUCK = frozenset({"del", "s", "strike"})
SIGNATURE_CLASSES = (
    "gmail_signature", "moz-signature", "protonmail_signature_block-user", "apple-signature",
)  # fmt: skip
QUOTE_FROM_HERE = frozenset({
    "appendonsend", "divrplyfwdmsg", "mail-editor-reference-message-container", "olk_src_body_section",
    "reply-intro", "stopspelling",
})  # fmt: skip
