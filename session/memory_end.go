package session

import (
	"context"
	"slices"
)

// Rotate implements [Store].
func (m *Memory) Rotate(_ context.Context, from, to Key) (bool, error) {
	if from.tag() != to.tag() {
		return false, errOtherSubject
	}
	p := m.of(from.tag())
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.find(from)
	if e == nil {
		return false, nil
	}
	if p.occupied(to) {
		return false, errExists
	}
	for range sweptPerInsert {
		m.sweepForward(p)
	}
	if e.forwards >= maxForwards {
		return false, errRotations
	}
	delete(p.byKey, p.hashKey(from))
	e.key = to
	p.byKey[p.hashKey(to)] = e
	e.forwards++
	p.forwards.Put(from, e, m.now().Add(Forward).UnixMilli())
	return true, nil
}

// Delete implements [Store].
func (m *Memory) Delete(_ context.Context, key Key) (bool, error) {
	p := m.of(key.tag())
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.find(key)
	if e == nil {
		forwarded, ok := p.forwards.Get(key, m.now().UnixMilli())
		if !ok || p.find(forwarded.key) != forwarded { // removed meanwhile
			return false, nil
		}
		e = forwarded
	}
	m.remove(p, e)
	return true, nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, subject string) ([]Record, error) {
	tag := tagOf(subject)
	p := m.of(tag)
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, n := p.oldest(tag, subject)
	list := slices.Grow([]Record(nil), n)
	for e := range p.ofSubject(tag, subject) {
		if !m.expired(e) {
			list = append(list, e.record())
		}
	}
	return list, nil
}

// DeleteAll implements [Store].
func (m *Memory) DeleteAll(_ context.Context, subject string, keep []ID) (int, error) {
	spared := make(map[ID]bool, len(keep))
	for _, id := range keep {
		spared[id] = true
	}
	tag := tagOf(subject)
	p := m.of(tag)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epochs.raise(tag)
	return m.removeIf(p, tag, func(e *entry) bool { return e.subject == subject && !spared[e.id] }), nil
}

// DeleteRef implements [Store].
func (m *Memory) DeleteRef(_ context.Context, ref, subject string) (int, error) {
	if ref == "" {
		return 0, nil // what most records have
	}
	err := m.ended().add(ref, subject, m.now().UnixMilli()) // from here on, no Insert succeeds
	if subject != "" {
		return m.deleteRefOf(subject, ref), err
	}
	n := 0
	for i := range partitions {
		n += m.deleteRef(m.partition(i), ref)
	}
	return n, err
}

func (m *Memory) deleteRef(p *partition, ref string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hash := p.hashRef(ref)
	for node := p.byRef[hash]; node != nil; {
		if node.ref() != ref { // another with the same hash
			node = node.next
			continue
		}
		n += m.removeIf(p, node.key.tag(), func(e *entry) bool { return e.ref() == ref })
		node = p.byRef[hash]
	}
	return n
}

func (m *Memory) deleteRefOf(subject, ref string) int {
	tag := tagOf(subject)
	p := m.of(tag)
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.removeIf(p, tag, func(e *entry) bool { return e.ref() == ref && e.subject == subject })
}

// Epoch implements [Store].
func (m *Memory) Epoch(_ context.Context, subject string) (int64, error) {
	tag := tagOf(subject)
	p := m.of(tag)
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.epochs.of(tag), nil
}
