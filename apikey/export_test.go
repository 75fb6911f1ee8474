package apikey

// ForgeKey returns a well-formed key with the id of a record and a wrong secret.
func ForgeKey(id string) string { return format{"ak_live_"}.newKey(id).Reveal() }
