"""What ``ValkeySessions`` has the server do, in Lua. Numbers are compared and stored as the texts they came as."""

from __future__ import annotations

from attrs import frozen

from .script import Script

# The keys of a partition, all with its base in front:
#   s:SID        a hash, the session            l:SLOT     the sid that has the slot
#   o:OWNER      a set of sids                  a:ADDRESS  a set of sids
#   d:MEDIUM     sids by due_at                 x          sids by expires_at
# Beside them are n, the counts of limits, and c, which ``check`` writes.
_COMMON = """
local B, NAMES = KEYS[1], {'r', 'd', 'l', 'o', 'a', 'x', 't', 'e'}

local function load(sid)
  local found = redis.call('HMGET', B .. 's:' .. sid, unpack(NAMES))
  if not found[1] then return nil end
  local session = {}
  for i, name in ipairs(NAMES) do session[name] = found[i] end
  return session
end

local function given(first, epoch)
  local session = {e = epoch}
  for i = 1, 7 do session[NAMES[i]] = ARGV[first + i - 1] end
  return session
end

local function due_key(session) return B .. 'd:' .. string.match(session.a, '^[^:]*') end

local function told(session, epoch)
  return {session.r, session.d, session.t, session.e == epoch and '1' or '0'}
end

-- Makes the entries of one version (nil: nothing stored) those of another.
local function enter(sid, old, new)
  if old and old.l ~= '' and not (new and new.l == old.l) then
    local key = B .. 'l:' .. string.sub(old.l, 2)
    if redis.call('GET', key) == sid then redis.call('DEL', key) end
  end
  if old and old.o ~= '' and not (new and new.o == old.o) then
    redis.call('SREM', B .. 'o:' .. string.sub(old.o, 2), sid)
  end
  if old and not (new and new.a == old.a) then redis.call('SREM', B .. 'a:' .. old.a, sid) end
  if old and old.d ~= '' and not (new and new.d ~= '' and due_key(new) == due_key(old)) then
    redis.call('ZREM', due_key(old), sid)
  end
  if not new then
    redis.call('ZREM', B .. 'x', sid)
    redis.call('DEL', B .. 's:' .. sid)
    return
  end
  if new.l ~= '' and not (old and old.l == new.l) then redis.call('SET', B .. 'l:' .. string.sub(new.l, 2), sid) end
  if new.o ~= '' and not (old and old.o == new.o) then redis.call('SADD', B .. 'o:' .. string.sub(new.o, 2), sid) end
  if not (old and old.a == new.a) then redis.call('SADD', B .. 'a:' .. new.a, sid) end
  if new.d ~= '' then redis.call('ZADD', due_key(new), string.sub(new.d, 2), sid) end
  if not (old and old.x == new.x) then redis.call('ZADD', B .. 'x', new.x, sid) end
  local values = {}
  for _, name in ipairs(NAMES) do table.insert(values, name); table.insert(values, new[name]) end
  redis.call('HSET', B .. 's:' .. sid, unpack(values))
end

-- Returns the session that has a slot, and its sid. One of an earlier epoch is over, so it loses its slot.
local function holder(slot, epoch)
  if slot == '' then return nil end
  local sid = redis.call('GET', B .. 'l:' .. string.sub(slot, 2))
  local session = sid and load(sid)
  if session and session.l == slot and session.e == epoch then return session, sid end
  return nil
end
"""
_OPEN = """
local epoch = here()
local held = holder(ARGV[4], epoch)
if held then return told(held, epoch) end
if redis.call('EXISTS', B .. 's:' .. ARGV[1]) == 1 then return redis.error_reply('ERR this sid is taken') end
enter(ARGV[1], nil, given(2, epoch))
return nil
"""
_GET = """
local session = load(ARGV[1])
return session and told(session, here())
"""
_FIND = """
local epoch = here()
local session = holder(ARGV[1], epoch)
return session and told(session, epoch)
"""
_REPLACE = """
local old, epoch = load(ARGV[1]), here()
if not old or old.r ~= ARGV[2] then return 0 end
-- One of an earlier epoch can only be ended.
if old.e ~= epoch and ARGV[3] ~= '1' then return 0 end
local new = given(4, old.e)
if new.l ~= old.l and holder(new.l, epoch) then return 0 end
enter(ARGV[1], old, new)
return 1
"""
# Messages of earlier epochs are dropped: nobody knows whether they were handed over already.
_FIRST_DUE = """
local function first_due(epoch)
  local key, dropped = B .. 'd:' .. ARGV[1], 0
  while dropped < 1000 do
    local sid = redis.call('ZRANGEBYSCORE', key, '-inf', ARGV[2], 'LIMIT', 0, 1)[1]
    local session = sid and load(sid)
    if not sid or (session and session.e == epoch) then return dropped, session, sid end
    redis.call('ZREM', key, sid)
    if session then redis.call('HSET', B .. 's:' .. sid, 'd', '') end
    dropped = dropped + 1
  end
  return dropped
end
"""
_NEXT_DUE = """
local dropped, session = first_due(here())
return {dropped, session and string.sub(session.d, 2) or ''}
"""
_LEASE = """
local epoch = here()
local _, session, sid = first_due(epoch)
if not session then return nil end
session.r, session.d = string.format('%.0f', tonumber(session.r) + 1), ARGV[3]
redis.call('HSET', B .. 's:' .. sid, 'r', session.r, 'd', session.d)
if session.d == '' then redis.call('ZREM', due_key(session), sid)
else redis.call('ZADD', due_key(session), string.sub(session.d, 2), sid) end
return told(session, epoch)
"""
_QUEUE = """
local length, since = 0, nil
for i = 2, #ARGV do
  local key = B .. 'd:' .. ARGV[i]
  length = length + redis.call('ZCOUNT', key, '-inf', ARGV[1])
  local first = redis.call('ZRANGEBYSCORE', key, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if first and (not since or tonumber(first) < since) then since = tonumber(first) end
end
return {length, since and string.format('%.0f', since) or ''}
"""
_LIST = """
local epoch, found = here(), {}
for _, sid in ipairs(redis.call('SMEMBERS', B .. ARGV[1])) do
  local session = load(sid)
  if session and session.e == epoch then table.insert(found, told(session, epoch)) end
end
return found
"""
# Sessions of other users stay, whatever their address.
_ERASE = """
local count = 0
local function erase(key, owner)
  for _, sid in ipairs(redis.call('SMEMBERS', key)) do
    local session = load(sid)
    if session and session.o == owner then
      enter(sid, session, nil)
      count = count + 1
    end
  end
end
erase(B .. 'o:' .. string.sub(ARGV[1], 2), ARGV[1])
for i = 2, #ARGV do erase(B .. 'a:' .. ARGV[i], '') end
return count
"""
_PURGE = """
local sids = redis.call('ZRANGEBYSCORE', B .. 'x', '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, sid in ipairs(sids) do enter(sid, load(sid), nil) end
return #sids
"""


@frozen
class SessionScripts:
    """The scripts of ``ValkeySessions``, for servers that tell their epoch in one way."""

    open: Script
    get: Script
    find: Script
    replace: Script
    next_due: Script
    lease: Script
    queue: Script
    list: Script
    erase: Script
    purge: Script

    @classmethod
    def of(cls, epochs: str) -> SessionScripts:
        """Return the scripts. ``epochs``: the function ``here`` in Lua."""
        due = epochs + _COMMON + _FIRST_DUE
        plain = epochs + _COMMON
        return cls(
            open=Script.of(plain + _OPEN),
            get=Script.of(plain + _GET),
            find=Script.of(plain + _FIND),
            replace=Script.of(plain + _REPLACE),
            next_due=Script.of(due + _NEXT_DUE),
            lease=Script.of(due + _LEASE),
            queue=Script.of(plain + _QUEUE),
            list=Script.of(plain + _LIST),
            erase=Script.of(plain + _ERASE),
            purge=Script.of(plain + _PURGE),
        )
