"""The rule of `domain/pacing/limits.py` inside of Redis: one step that nothing comes between, by its own clock.

KEYS: the state, the leases, the processes; all of one limiter, with one hash tag.
ARGV: what to do (book, confirm, renew, settle, refused), the time (empty: the server's), what the caller last knew
(used where the state is gone), rpm, tpm, concurrency, then what that needs:
  book     tokens, name of the lease, its seconds, name of the process
  confirm  when it was booked
  renew    name of the lease, its seconds
  settle   name of the lease, seconds of tokens handed back, when it was booked if it was answered (else 0), said rpm
           and tpm, remaining requests and tokens, reset
  refused  name of the lease, when it was booked, seconds to wait, then what it said, as of `settle`
Returns the state and what came of it, as texts: Redis cuts numbers to whole ones.
"""

from dataclasses import astuple

from domain.pacing import limits
from domain.pacing.limits import LimiterState

_FIELDS = list(LimiterState.__dataclass_fields__)
KEPT_S = 3600  # a limiter that nobody asks is forgotten after this
PROCESS_S = 60  # one that has not booked for so long does not count

_FIGURES = {
    "BURST_REQUESTS_S": limits.BURST_REQUESTS_S, "BURST_TOKENS_S": limits.BURST_TOKENS_S,
    "USED_SHARE": limits.USED_SHARE, "PATIENCE_S": limits.PATIENCE_S, "QUEUE_S": limits.QUEUE_S,
    "DEBT_AT_MOST_S": limits.DEBT_AT_MOST_S, "FALL": limits.FALL, "FALL_TO_SAFE": limits.FALL_TO_SAFE,
    "SETTLED_S": limits.SETTLED_S, "LEAST_SHARE": limits.LEAST_SHARE, "GROWTH_PER_S": limits.GROWTH_PER_S,
    "HOLD_S": limits.HOLD_S, "HOLD_AT_MOST_S": limits.HOLD_AT_MOST_S, "PAUSE_S": limits.PAUSE_S,
    "PAUSE_AT_MOST_S": limits.PAUSE_AT_MOST_S, "WINDOW_S": limits.WINDOW_S, "EARLY_S": limits.EARLY_S,
    "GUESS_AT_LEAST_RPM": limits.GUESS_AT_LEAST_RPM, "HEARSAY_S": limits.HEARSAY_S, "KEPT_S": KEPT_S,
    "PROCESS_S": PROCESS_S,
}  # fmt: skip

_HEAD = "\n".join(
    [
        *(f"local {name} = {value!r}" for name, value in _FIGURES.items()),
        f"local FIELDS = {{{', '.join(repr(name) for name in _FIELDS)}}}",
        f"local FIRST = {{{', '.join(repr(value) for value in astuple(LimiterState()))}}}",
    ]
)

_BODY = """
local op, hint = ARGV[1], ARGV[3]
local rpm, tpm, concurrency = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local function read(line)
  local found, n = {}, 0
  for word in string.gmatch(line or '', '%S+') do
    n = n + 1
    if FIELDS[n] then found[FIELDS[n]] = tonumber(word) end
  end
  for k, name in ipairs(FIELDS) do
    local value = found[name]
    if not value or value ~= value then found[name] = FIRST[k] end
  end
  return found
end

local function written(state)
  local words = {}
  for k, name in ipairs(FIELDS) do words[k] = string.format('%.17g', state[name]) end
  return table.concat(words, ' ')
end

local function share_now(state, at)
  local grown_s = at - state.fell_at - state.hold_s
  if state.share >= 1.0 or grown_s <= 0 then return state.share end
  return math.min(1.0, state.share + grown_s * GROWTH_PER_S)
end

local function lower(stated, said)
  if stated == 0 or said == 0 then return math.max(stated, said) end
  return math.min(stated, said)
end

local function rates(state, share)
  local requests, tokens = lower(rpm, state.said_rpm), lower(tpm, state.said_tpm)
  if requests == 0 and tokens == 0 then requests = state.guess_rpm end
  return requests / 60 * USED_SHARE * share, tokens / 60 * USED_SHARE * share
end

local function bounded(state)
  state.requests_tat = math.min(state.requests_tat, now + DEBT_AT_MOST_S)
  state.tokens_tat = math.min(state.tokens_tat, now + DEBT_AT_MOST_S)
  state.pause_until = math.min(state.pause_until, now + PAUSE_AT_MOST_S)
  state.fell_at = math.min(state.fell_at, now)
  state.void_at = math.min(state.void_at, now)
  state.hearsay_until = math.min(state.hearsay_until, now + HEARSAY_S)
end

local function settle_down(state)
  if state.requests_tat == 0 and state.tokens_tat == 0 then
    state.requests_tat, state.tokens_tat = now + BURST_REQUESTS_S, now + BURST_TOKENS_S
    return
  end
  if state.share < 1.0 and share_now(state, now) >= 1.0 then
    state.share, state.hold_s, state.guess_rpm, state.unproven = 1.0, HOLD_S, 0.0, 0.0
  end
  if state.hearsay_until > 0 and state.hearsay_until <= now then
    state.said_rpm, state.said_tpm, state.hearsay_until = 0.0, 0.0, 0.0
  end
  bounded(state)
end

local function fallen(state)
  state.void_at = now
  state.requests_tat = math.max(now, state.pause_until) + BURST_REQUESTS_S
end

local function count(state)
  local age = now - state.window_at
  if age >= 0 and age < WINDOW_S then
    state.window_n = state.window_n + 1
    return
  end
  state.before_n = (age >= 0 and age < 2 * WINDOW_S) and state.window_n or 0.0
  state.window_at, state.window_n = now, 1.0
end

local function book(state, tokens, under_way)
  settle_down(state)
  if concurrency > 0 and under_way >= concurrency then return {0, PATIENCE_S, 0, 0, 1} end
  local per_s, tokens_per_s = rates(state, share_now(state, now))
  local request_s = per_s > 0 and 1 / per_s or 0.0
  local tokens_s = tokens_per_s > 0 and tokens / tokens_per_s or 0.0
  local start = math.max(now, state.pause_until)
  if per_s > 0 then start = math.max(start, state.requests_tat - BURST_REQUESTS_S) end
  if tokens_per_s > 0 then start = math.max(start, state.tokens_tat - BURST_TOKENS_S) end
  if start - now > PATIENCE_S then
    local back = math.max(state.queue_tat, start)
    if back > now + QUEUE_S then back = math.min(start, now + QUEUE_S) end
    state.queue_tat = back + math.max(request_s, tokens_s)
    return {0, back - now, 0, 0, 0}
  end
  count(state)
  state.requests_tat = math.max(state.requests_tat, start) + request_s
  state.tokens_tat = math.max(state.tokens_tat, start) + tokens_s
  return {1, start - now, request_s, tokens_s, 0}
end

local function part(before, after)
  if before > 0 and after > 0 then return after / before end
  return 1.0
end

local function told(state, said_rpm, said_tpm, left_requests, left_tokens, reset_s)
  local requests, tokens = rates(state, 1.0)
  local share = share_now(state, now)
  if said_rpm > 0 then state.said_rpm = said_rpm end
  if said_tpm > 0 then state.said_tpm = said_tpm end
  local new_requests, new_tokens = rates(state, 1.0)
  if (said_rpm > 0 or state.said_rpm == 0) and (said_tpm > 0 or state.said_tpm == 0) then state.hearsay_until = 0.0 end
  local smaller = math.min(part(requests, new_requests), part(tokens, new_tokens))
  if smaller < 1.0 then
    state.share = math.min(1.0, share / smaller)
    fallen(state)
  end
  if (left_requests >= 0 and left_requests < 1) or (left_tokens >= 0 and left_tokens < 1) then
    local wait = math.min(reset_s > 0 and reset_s or PAUSE_S, PAUSE_S)
    state.pause_until = math.max(state.pause_until, now + wait)
  end
end

local function slower(before, after)
  return after > 0 and (before == 0 or after <= FALL_TO_SAFE * before)
end

local function refuse(state, begun_at, wait_s, said_rpm, said_tpm, left_requests, left_tokens, reset_s)
  settle_down(state)
  local named = wait_s > 0 and wait_s or reset_s > 0 and reset_s or PAUSE_S
  state.pause_until = math.max(state.pause_until, now + math.min(named, PAUSE_AT_MOST_S))
  local is_late = begun_at <= state.void_at
  local requests, tokens = rates(state, share_now(state, now))
  told(state, said_rpm, said_tpm, left_requests, left_tokens, reset_s)
  if said_rpm > 0 or said_tpm > 0 then state.hearsay_until = now + HEARSAY_S end
  if is_late then return end
  local new_requests, new_tokens = rates(state, share_now(state, now))
  if slower(requests, new_requests) or slower(tokens, new_tokens) then return fallen(state) end
  if state.unproven ~= 0 then
    state.fell_at = now
    return fallen(state)
  end
  local share = share_now(state, now)
  local borne = now - state.fell_at >= SETTLED_S and share_now(state, now - SETTLED_S) or 0.0
  local to = FALL * share
  if state.share < 1.0 and borne > 0 and borne < share then to = math.max(FALL_TO_SAFE * borne, FALL * share) end
  local per_s, tokens_per_s = rates(state, share)
  if math.max(per_s, tokens_per_s) == 0 then
    local seen = math.max(state.before_n / WINDOW_S, state.window_n / math.max(now - state.window_at, 1.0))
    state.guess_rpm = math.max(GUESS_AT_LEAST_RPM, seen * 60)
  end
  state.hold_s = state.share < 1.0 and math.min(state.hold_s * 2, HOLD_AT_MOST_S) or HOLD_S
  state.share, state.fell_at, state.unproven = math.max(LEAST_SHARE, to), now, 1.0
  fallen(state)
end

local function said(first)
  local heard = {}
  for n = 0, 4 do heard[n + 1] = tonumber(ARGV[first + n]) end
  return unpack(heard)
end

local line = redis.call('GET', KEYS[1])
local state = read(line or hint)
local result = {}
if op == 'book' then
  local under_way = 0
  if concurrency > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.17g', now))
    under_way = redis.call('ZCARD', KEYS[2])
  end
  result = book(state, tonumber(ARGV[7]), under_way)
  if concurrency > 0 and result[1] == 1 then
    redis.call('ZADD', KEYS[2], string.format('%.17g', now + result[2] + tonumber(ARGV[9])), ARGV[8])
    redis.call('EXPIRE', KEYS[2], KEPT_S)
  end
  redis.call('ZADD', KEYS[3], string.format('%.17g', now), ARGV[10])
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.17g', now - PROCESS_S))
  redis.call('EXPIRE', KEYS[3], KEPT_S)
  result[6] = redis.call('ZCARD', KEYS[3])
elseif op == 'confirm' then
  result[1] = (tonumber(ARGV[7]) > state.void_at and state.pause_until <= now + EARLY_S) and 1 or 0
elseif op == 'renew' then
  redis.call('ZADD', KEYS[2], 'XX', string.format('%.17g', now + tonumber(ARGV[8])), ARGV[7])
else
  redis.call('ZREM', KEYS[2], ARGV[7])
  if op == 'settle' then
    state.tokens_tat = state.tokens_tat - tonumber(ARGV[8])
    if tonumber(ARGV[9]) > state.void_at then state.unproven = 0.0 end
    bounded(state)
    told(state, said(10))
  elseif op == 'refused' then
    refuse(state, tonumber(ARGV[8]), tonumber(ARGV[9]), said(10))
  end
end
if op ~= 'confirm' and op ~= 'renew' then redis.call('SET', KEYS[1], written(state), 'EX', KEPT_S) end
for k, value in ipairs(result) do result[k] = string.format('%.17g', value) end
return {written(state), string.format('%.17g', now), unpack(result)}
"""

LIMITER = f"{_HEAD}\n{_BODY}"


def to_line(state: LimiterState) -> str:
    """Return a state as Redis keeps it."""
    return " ".join(repr(float(value)) for value in astuple(state))


def from_line(line: str) -> LimiterState:
    """Return the state of a line that Redis gave."""
    return LimiterState(*(float(word) for word in line.split()))
