package sessiontest_test

import (
	"context"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// A brokenDevices is a store of devices with one fault.
type brokenDevices struct {
	session.DeviceStore
	how string
}

func newBrokenDevices(how string) session.Store {
	return &brokenDevices{guard.Must(session.NewMemory(nil)), how}
}

var deviceFaults = []string{
	"a device is not inserted", "rotate loses the device", "update loses the device", "load truncates the device",
	"set device ignores the old one", "set device returns the record before", "set device creates", "set device revives", "set device in two steps",
	"load for a device ignores the tag", "load for a device finds expired ones",
	"advance device ignores the key", "advance device goes back", "advance device repeats", "advance device of none", "advance device returns the record before", "advance device in two steps",
}

func (b *brokenDevices) Insert(ctx context.Context, rec session.Record, epoch int64) error {
	if b.how == "a device is not inserted" {
		rec.Device, rec.DeviceStep = "", 0
	}
	return b.DeviceStore.Insert(ctx, rec, epoch)
}

func (b *brokenDevices) lose(ctx context.Context, key session.Key) {
	rec, found, _ := b.DeviceStore.Load(ctx, key)
	if found {
		_, _, _ = b.DeviceStore.SetDevice(ctx, [8]byte(key[:]), rec.ID, rec.Device, "")
	}
}

func (b *brokenDevices) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	if b.how == "rotate loses the device" {
		b.lose(ctx, from)
	}
	return b.DeviceStore.Rotate(ctx, from, to)
}

func (b *brokenDevices) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	if b.how == "update loses the device" {
		b.lose(ctx, key)
	}
	return b.DeviceStore.Update(ctx, key, revision, data)
}

func (b *brokenDevices) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	rec, found, err := b.DeviceStore.Load(ctx, key)
	if b.how == "load truncates the device" {
		rec.Device, _, _ = strings.Cut(rec.Device, "\x00")
	}
	return rec, found, err
}

func (b *brokenDevices) LoadID(ctx context.Context, tag [8]byte, id session.ID) (session.Record, bool, error) {
	rec, found, err := b.DeviceStore.LoadID(ctx, tag, id)
	if !found && strings.HasPrefix(b.how, "load for a device") {
		if b.how == "load for a device finds expired ones" {
			return session.Record{ID: id}, true, nil
		}
		return session.Record{ID: id}, id != session.ID{}, nil
	}
	return rec, found, err
}

func (b *brokenDevices) SetDevice(ctx context.Context, tag [8]byte, id session.ID, old, device string) (session.Record, bool, error) {
	before, found, _ := b.DeviceStore.LoadID(ctx, tag, id)
	switch b.how {
	case "set device ignores the old one":
		old = before.Device
	case "set device returns the record before":
		_, _, err := b.DeviceStore.SetDevice(ctx, tag, id, old, device)
		return before, found, err
	case "set device creates":
		if !found {
			return session.Record{ID: id, Device: device}, true, nil
		}
	case "set device revives":
		roundTrip()
		rec, live, err := b.DeviceStore.SetDevice(ctx, tag, id, old, device)
		if found && !live {
			before.Device = device
			return before, true, b.DeviceStore.Insert(ctx, before, session.AnyEpoch)
		}
		return rec, live, err
	case "set device in two steps":
		if before.Device != old {
			return before, found, nil
		}
		roundTrip()
		now, _, _ := b.DeviceStore.LoadID(ctx, tag, id)
		return b.DeviceStore.SetDevice(ctx, tag, id, now.Device, device)
	}
	return b.DeviceStore.SetDevice(ctx, tag, id, old, device)
}

func (b *brokenDevices) AdvanceDevice(ctx context.Context, tag [8]byte, id session.ID, key string, step int64) (session.Record, bool, bool, error) {
	before, found, _ := b.DeviceStore.LoadID(ctx, tag, id)
	switch b.how {
	case "advance device ignores the key":
		key = ""
	case "advance device goes back", "advance device repeats":
		if found && before.Device != "" && strings.HasPrefix(before.Device, key) && (step == before.DeviceStep) == (b.how == "advance device repeats") {
			before.DeviceStep = step
			return before, true, true, nil
		}
	case "advance device of none":
		if found && before.Device == "" {
			return before, true, true, nil
		}
	case "advance device returns the record before":
		_, advanced, found, err := b.DeviceStore.AdvanceDevice(ctx, tag, id, key, step)
		return before, advanced, found, err
	case "advance device in two steps":
		if before.DeviceStep < step && strings.HasPrefix(before.Device, key) && before.Device != "" {
			roundTrip()
			rec, _, found, err := b.DeviceStore.AdvanceDevice(ctx, tag, id, key, step)
			return rec, true, found, err
		}
	}
	return b.DeviceStore.AdvanceDevice(ctx, tag, id, key, step)
}
