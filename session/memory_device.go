package session

import (
	"context"
	"strings"
)

// findID returns the entry with a tag and an ID, or nil.
func (m *Memory) findID(p *partition, tag uint64, id ID) *entry {
	for e := p.byTag[tag]; e != nil; e = e.next {
		if e.id == id && !m.expired(e) {
			return e
		}
	}
	return nil
}

// LoadID implements [DeviceStore].
func (m *Memory) LoadID(_ context.Context, tag [8]byte, id ID) (Record, bool, error) {
	t := tagNumber(tag)
	p := m.of(t)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if e := m.findID(p, t, id); e != nil {
		return e.record(), true, nil
	}
	return Record{}, false, nil
}

// SetDevice implements [DeviceStore].
func (m *Memory) SetDevice(_ context.Context, tag [8]byte, id ID, old, device string) (Record, bool, error) {
	if len(device) > 255 {
		return Record{}, false, errDeviceLen
	}
	t := tagNumber(tag)
	p := m.of(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := m.findID(p, t, id)
	if e == nil {
		return Record{}, false, nil
	}
	if e.device() == old {
		_, step := e.deviceOf()
		e.setDevice(device, step)
	}
	return e.record(), true, nil
}

// AdvanceDevice implements [DeviceStore].
func (m *Memory) AdvanceDevice(_ context.Context, tag [8]byte, id ID, key string, step int64) (Record, bool, bool, error) {
	t := tagNumber(tag)
	p := m.of(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := m.findID(p, t, id)
	if e == nil {
		return Record{}, false, false, nil
	}
	device, last := e.deviceOf()
	advanced := device != "" && strings.HasPrefix(device, key) && last < step
	if advanced {
		e.setDevice(device, step)
	}
	return e.record(), advanced, true, nil
}
