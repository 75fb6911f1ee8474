package apikey

// ForgeKey is a well-formed key for a record whose secret is not known.
func ForgeKey(id string) string { return format{"ak_live_"}.key(id).Reveal() }
