"""What is done inside of Redis, each in one step that nothing comes between.

A message that nobody holds any more belongs to the consumer `RETURNED` until somebody takes it: so it is found without
a search, and keeps its count. A process is alive while its key is there. `TAKE` begins with a write that needs no
memory, since Redis lets a script go on after one: so a full Redis can be emptied.
"""

GROUP = "headgate"
RETURNED = "returned"
CONTENT = "content"
COUNTED = "deliveries"

ALIVE = """
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
"""

# KEYS: alive key, then of each lane its stream and where its given up ones go.
# ARGV: group, me, returned, alive for ms, deliveries after which one is given up (0: never), how many in all, after how
# many bytes no more are taken, then how many of each lane. Returns of each lane its messages as {id, fields,
# deliveries}, and at the end 1 if there may be more, which the bytes left no room for, or 0.
TAKE = (
    ALIVE.replace("ARGV[1]", "ARGV[4]")
    + """
local group, me, returned, most, left = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6])
local room = tonumber(ARGV[7])

local function keep(taken, id, fields, deliveries)
  for _, text in ipairs(fields) do room = room - #text end
  taken[#taken + 1] = {id, fields, deliveries}
end

local function taken_back(stream, given_up, count)
  local found = redis.pcall('XPENDING', stream, group, '-', '+', count, returned)
  if found.err then
    if redis.call('EXISTS', stream) == 0 then return nil end
    redis.call('XGROUP', 'CREATE', stream, group, '0')
    return {}
  end
  local taken = {}
  for _, entry in ipairs(found) do
    if room <= 0 then break end
    local id, deliveries = entry[1], entry[4]
    if most > 0 and deliveries >= most then
      local kept = redis.call('XRANGE', stream, id, id)
      if kept[1] then
        local fields = kept[1][2]
        fields[#fields + 1] = 'deliveries'
        fields[#fields + 1] = deliveries
        redis.call('XADD', given_up, '*', unpack(fields))
      end
      redis.call('XACK', stream, group, id)
      redis.call('XDEL', stream, id)
    else
      local claimed = redis.call('XCLAIM', stream, group, me, 0, id)
      if claimed[1] then
        keep(taken, claimed[1][1], claimed[1][2], deliveries + 1)
      else
        redis.call('XACK', stream, group, id)
      end
    end
  end
  return taken
end

for n = 2, #KEYS, 2 do
  local kind = redis.call('TYPE', KEYS[n]).ok
  if kind ~= 'none' and kind ~= 'stream' then return redis.error_reply('WRONGTYPE ' .. KEYS[n]) end
end
local result = {}
for n = 2, #KEYS, 2 do
  local count = math.min(left, tonumber(ARGV[7 + n / 2]))
  local taken = {}
  if count > 0 and room > 0 then
    taken = taken_back(KEYS[n], KEYS[n + 1], count) or {}
    local new = redis.call('EXISTS', KEYS[n]) == 1
    while new and #taken < count and room > 0 do
      -- One by one: how long one is shows only once it is taken.
      new = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', 1, 'STREAMS', KEYS[n], '>')
      if new then keep(taken, new[1][2][1][1], new[1][2][1][2], 1) end
    end
    left = left - #taken
  end
  result[#result + 1] = taken
end
result[#result + 1] = room <= 0 and left > 0 and 1 or 0
return result
"""
)

# KEYS: streams. ARGV: group, me, 'settle' or 'return', returned, then for each message the number of its stream, its id
# and the count with which it was taken. One that somebody else has taken meanwhile is left alone.
END = """
local group, me, settle, returned = ARGV[1], ARGV[2], ARGV[3] == 'settle', ARGV[4]
for n = 5, #ARGV, 3 do
  local stream, id = KEYS[tonumber(ARGV[n])], ARGV[n + 1]
  local held = redis.pcall('XPENDING', stream, group, id, id, 1, me)
  if held[1] and held[1][4] == tonumber(ARGV[n + 2]) then
    if settle then
      redis.call('XACK', stream, group, id)
      redis.call('XDEL', stream, id)
    else
      redis.call('XCLAIM', stream, group, returned, 0, id, 'JUSTID')
    end
  end
end
"""

# KEYS: alive key of the consumer, then streams. ARGV: group, consumer, returned, 'own' or 'dead' (nothing is done if
# that one is alive), 'keep' or 'delete' the consumer, then what it really holds, as '<number of the stream>:<id>'.
DISOWN = """
local group, consumer, returned = ARGV[1], ARGV[2], ARGV[3]
if ARGV[4] == 'dead' and redis.call('EXISTS', KEYS[1]) == 1 then return end
local holds = {}
for n = 6, #ARGV do holds[ARGV[n]] = true end
for n = 2, #KEYS do
  local from, known = '-', true
  while from do
    local page = redis.pcall('XPENDING', KEYS[n], group, from, '+', 500, consumer)
    if page.err then known = false; break end
    for _, entry in ipairs(page) do
      if not holds[(n - 1) .. ':' .. entry[1]] then
        redis.call('XCLAIM', KEYS[n], group, returned, 0, entry[1], 'JUSTID')
      end
    end
    from = #page == 500 and '(' .. page[#page][1]
  end
  if known and ARGV[5] == 'delete' then redis.call('XGROUP', 'DELCONSUMER', KEYS[n], group, consumer) end
end
"""

# KEYS: streams. ARGV: group, returned, how alive keys begin. Returns the consumers that are not alive.
SILENT = """
local silent, seen = {}, {[ARGV[2]] = true}
for _, stream in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, ARGV[1])
  for _, consumer in ipairs(consumers) do
    local name = consumer[2]
    if not seen[name] then
      seen[name] = true
      if redis.call('EXISTS', ARGV[3] .. name) == 0 then silent[#silent + 1] = name end
    end
  end
end
return silent
"""

# KEYS: streams. ARGV: group, returned. Returns how many of each nobody holds.
WAITING = """
local counts = {}
for n, stream in ipairs(KEYS) do
  local count = redis.call('XLEN', stream)
  local pending = redis.pcall('XPENDING', stream, ARGV[1])
  if not pending.err then
    count = count - pending[1]
    for _, consumer in ipairs(pending[4] or {}) do
      if consumer[1] == ARGV[2] then count = count + tonumber(consumer[2]) end
    end
  end
  counts[n] = math.max(0, count)
end
return counts
"""
