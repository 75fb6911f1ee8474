package jwtauth

type remoteKeys struct{ issuer string }
