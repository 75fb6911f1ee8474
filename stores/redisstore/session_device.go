package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/session"
)

// Each returns the field and the record, or nothing without one.
var (
	// ARGV: ID.
	loadSessionID = redis.NewScript(sessionLua + `
local field, v = find_id(ARGV[1], now_ms())
if not v then return {} end
return {field, v, 0}`)

	// ARGV: ID, expected Device, new one.
	setDevice = redis.NewScript(sessionLua + `
local field, v = find_id(ARGV[1], now_ms())
if not v then return {} end
local device, _, step = device_of(v)
if device ~= ARGV[2] then return {field, v, 0} end
v = with_device(v, ARGV[3], step)
redis.call('HSET', hash, field, v)
return {field, v, 1}`)

	// ARGV: ID, what Device begins with, step. The third is 1 if it is a new step. A bound
	// session lives by it: PEXPIREAT comes first, which a full Redis accepts.
	advanceDevice = redis.NewScript(sessionLua + `
local field, v = find_id(ARGV[1], now_ms())
if not v then return {} end
local device, _, last = device_of(v)
local step = tonumber(ARGV[3])
if device == '' or device:sub(1, #ARGV[2]) ~= ARGV[2] or last >= step then return {field, v, 0} end
redis.call('PEXPIREAT', hash, string.format('%.0f', expiry(v)), 'GT')
v = with_device(v, device, step)
redis.call('HSET', hash, field, v)
return {field, v, 1}`)
)

// device runs one of the scripts.
func (s sessions) device(ctx context.Context, operation string, script *redis.Script, t tag, args ...any) (rec session.Record, changed, found bool, err error) {
	reply, err := script.Run(ctx, s.client, []string{s.sessionsKey(t)}, args...).Slice()
	if err != nil || len(reply) == 0 {
		return session.Record{}, false, false, failed(operation, full(err, session.ErrFull))
	}
	field, isField := reply[0].(string)
	value, isValue := reply[1].(string)
	n, isNumber := reply[2].(int64)
	if !isField || !isValue || !isNumber || len(field) != 1+len(session.Key{})-len(t) {
		return session.Record{}, false, false, errors.New("redisstore: a script about a device returned another reply")
	}
	rec, err = decodeSession(session.Key([]byte(string(t[:])+field[1:])), value)
	return rec, n == 1, err == nil, err
}

// LoadID implements [session.DeviceStore].
func (s sessions) LoadID(ctx context.Context, t [8]byte, id session.ID) (session.Record, bool, error) {
	rec, _, found, err := s.device(ctx, "loading a session by its ID", loadSessionID, t, id[:])
	return rec, found, err
}

// SetDevice implements [session.DeviceStore].
func (s sessions) SetDevice(ctx context.Context, t [8]byte, id session.ID, old, device string) (session.Record, bool, error) {
	if len(device) > 255 {
		return session.Record{}, false, fmt.Errorf("redisstore: the Device of a session has %d bytes, want at most 255", len(device))
	}
	rec, _, found, err := s.device(ctx, "setting a session's device", setDevice, t, id[:], old, device)
	return rec, found, err
}

// AdvanceDevice implements [session.DeviceStore].
func (s sessions) AdvanceDevice(ctx context.Context, t [8]byte, id session.ID, key string, step int64) (rec session.Record, advanced, found bool, err error) {
	return s.device(ctx, "using a challenge of a device", advanceDevice, t, id[:], key, step)
}
