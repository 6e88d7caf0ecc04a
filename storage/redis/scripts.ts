import { createHash } from 'node:crypto'

export interface Script {
  source: string
  sha1: string
}

function script (source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}

// In a template literal a backslash would be JavaScript's, so the scripts write NUL as string.char(0), or as %z in patterns.

/**
 * Carries out a batch, or nothing. Lua numbers are doubles, exact for all safe integers, but tostring() rounds
 * them: hence '%.0f'.
 */
export const writeScript = script(`
-- KEYS[1]  hash: records of the partition by kind NUL id; field '' is the highest position
-- KEYS[2]  sorted set: kind NUL parent NUL position NUL id
-- ARGV[1]  seconds to live, 0 for ever
-- ARGV[2]  and on: seven for each item: op, kind, id, parent, body, expected version (0: absent), position;
--          '' where not given
-- Returns 1, or 0 when an expectation does not hold
local NUL = string.char(0)
local records, index = KEYS[1], KEYS[2]

local function find (kind, id)
  local value = redis.call('HGET', records, kind .. NUL .. id)
  if not value then return 0 end
  local version, position, parent = string.match(value, '^(%d+) (%d+) ([^%z]*)%z')
  return tonumber(version), tonumber(position), parent
end

local function member (kind, id, parent, position)
  return kind .. NUL .. parent .. NUL .. string.format('%016.0f', position) .. NUL .. id
end

for i = 2, #ARGV, 7 do
  local expected = ARGV[i + 5]
  if expected ~= '' and find(ARGV[i + 1], ARGV[i + 2]) ~= tonumber(expected) then return 0 end
end

local highest
for i = 2, #ARGV, 7 do
  local op, kind, id = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if op == 'clear' then
    redis.call('UNLINK', records, index)
    highest = nil
  elseif op ~= 'check' then
    local version, position, parent = find(kind, id)
    if op == 'delete' then
      if version > 0 then
        redis.call('HDEL', records, kind .. NUL .. id)
        redis.call('ZREM', index, member(kind, id, parent, position))
      end
    else
      if version == 0 then
        highest = highest or tonumber(redis.call('HGET', records, '') or 0)
        parent = ARGV[i + 3]
        position = tonumber(ARGV[i + 6]) or highest + 1
        highest = math.max(highest, position)
        redis.call('ZADD', index, 0, member(kind, id, parent, position))
      end
      local head = string.format('%.0f %.0f ', version + 1, position) .. parent .. NUL
      redis.call('HSET', records, kind .. NUL .. id, head .. ARGV[i + 4])
    end
  end
end
if highest then redis.call('HSET', records, '', string.format('%.0f', highest)) end

local ttl = tonumber(ARGV[1])
if ttl > 0 then
  -- One moment for both keys, so that neither outlives the other.
  local now = redis.call('TIME')
  local deadline = string.format('%.0f', (tonumber(now[1]) + ttl) * 1000)
  redis.call('PEXPIREAT', records, deadline)
  redis.call('PEXPIREAT', index, deadline)
else
  redis.call('PERSIST', records)
  redis.call('PERSIST', index)
end
return 1
`)

export const pageScript = script(`
-- KEYS[1]  hash and
-- KEYS[2]  sorted set, as above
-- ARGV[1]  ZRANGEBYLEX or ZREVRANGEBYLEX, ARGV[2] and ARGV[3] its bounds, ARGV[4] its limit
-- ARGV[5]  kind
-- ARGV[6]  kind NUL parent NUL, which begins each member found
-- Returns id, value, id, value, ...
local NUL = string.char(0)
local members = redis.call(ARGV[1], KEYS[2], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
-- After the group come the 16 digits of the position and a NUL.
local idStart = #ARGV[6] + 18
local found = {}
for _, member in ipairs(members) do
  local id = string.sub(member, idStart)
  local value = redis.call('HGET', KEYS[1], ARGV[5] .. NUL .. id)
  if value then
    found[#found + 1] = id
    found[#found + 1] = value
  end
end
return found
`)
