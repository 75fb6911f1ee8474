package expiring

// A Map is a map whose items expire. Sweep removes them. It suits a few items: each is
// allocated. The zero value is empty.
type Map[K comparable, V any] struct {
	items     map[K]*item[K, V]
	deadlines Heap[*item[K, V]]
}

type item[K comparable, V any] struct {
	Node
	key   K
	value V
}

// Len returns the number of items, expired ones included.
func (m *Map[K, V]) Len() int { return len(m.items) }

// Get returns the value under key; ok is false if there is none, or if its deadline is
// not after now.
func (m *Map[K, V]) Get(key K, now int64) (value V, ok bool) {
	if it := m.items[key]; it != nil && now < it.Deadline {
		return it.value, true
	}
	return value, false
}

// Put sets the value under key and its deadline.
func (m *Map[K, V]) Put(key K, value V, deadline int64) {
	if it := m.items[key]; it != nil {
		it.value = value
		m.deadlines.Move(it, deadline)
		return
	}
	if m.items == nil {
		m.items = map[K]*item[K, V]{}
	}
	it := &item[K, V]{Node{Deadline: deadline}, key, value}
	m.items[key] = it
	m.deadlines.Push(it)
}

// Sweep removes an expired item and returns its value; ok is false if there is none.
func (m *Map[K, V]) Sweep(now int64) (value V, ok bool) {
	it, ok := m.deadlines.First()
	if !ok || now < it.Deadline {
		return value, false
	}
	m.deadlines.Remove(it)
	delete(m.items, it.key)
	return it.value, true
}
