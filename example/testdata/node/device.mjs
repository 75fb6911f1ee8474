// The steps over sessions that are bound to the device: url is the program over https,
// evil another site with a link to it, home a folder whose NSS store has the authority of
// both, and period how long the bound cookie is good, in ms. Chromium binds sessions only
// where it accepts the certificate, and here with a key in software.
import assert from 'node:assert/strict'
import { browser, newProfile, run, signIn, signedIn, signedOut, sites, steps } from './browser.mjs'

const { url, evil, home, period } = sites
const long = '__Host-session'
const bound = '__Host-session-device'

// open returns a page of a browser with a profile, and its events about bound sessions.
async function open (profileDir = newProfile()) {
  const context = await browser({
    ignoreHTTPSErrors: false,
    bypassCSP: true, // the steps fetch
    env: { ...process.env, HOME: home },
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--enable-features=DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting']
  }, profileDir)
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  const events = []
  cdp.on('Network.deviceBoundSessionsAdded', e => events.push({ added: e.sessions }))
  cdp.on('Network.deviceBoundSessionEventOccurred', e => events.push(e))
  await cdp.send('Network.enable')
  await cdp.send('Network.enableDeviceBoundSessions', { enable: true })
  return { context, page, events }
}

// until waits for what f returns to be true.
async function until (what, f) {
  const end = Date.now() + 120000
  for (;;) {
    const result = await f()
    if (result) return result
    if (Date.now() > end) assert.fail('waited in vain: ' + what)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

const names = async b => (await b.context.cookies(url)).map(c => c.name).sort()
const isBound = b => until('registration', async () => b.events.some(e => e.creationEventDetails && e.succeeded) && (await names(b)).includes(bound))
const expires = b => until('the bound cookie expires', async () => !(await names(b)).includes(bound))

// held are the refreshes that a request waited for.
const held = b => b.events.filter(e => e.refreshEventDetails && e.refreshEventDetails.refreshResult === 'Refreshed' && !e.refreshEventDetails.wasFullyProactiveRefresh).length
const status = b => b.page.evaluate(async path => (await fetch(path)).status, '/session/profile')

// inTurn calls functions one after the other: logins at once wait for each other's hashes.
let turn = Promise.resolve()
function inTurn (f) {
  const result = turn.then(f)
  turn = result.catch(() => {})
  return result
}

async function signedInAt (profileDir = undefined, email = 'bob@example.com') {
  const b = await inTurn(async () => {
    const b = await open(profileDir)
    await b.page.goto(url + '/session/')
    await signIn(b.page, email, 'secret', true)
    await signedIn(b.page)
    return b
  })
  await isBound(b)
  return b
}

steps['sign in, registration, and a request is held until the cookie is refreshed'] = async () => {
  const b = await signedInAt()
  assert.deepEqual(await names(b), [long, bound])
  const { newSession } = b.events.find(e => e.creationEventDetails).creationEventDetails
  assert.equal(newSession.refreshUrl, url + '/device/session')
  assert.equal(newSession.inclusionRules.origin, url)
  assert.equal(newSession.cookieCravings.length, 1)
  assert.equal(newSession.cookieCravings[0].name, bound)
  await expires(b) // once only: Chromium signs at most six times in nine minutes
  const before = held(b)
  assert.equal(await status(b), 200)
  await until('the event of the refresh', () => held(b) > before)
  assert.deepEqual(await names(b), [long, bound])
  await b.page.reload()
  await signedIn(b.page)
  await b.page.getByRole('listitem').filter({ hasText: 'This session' }).getByText('bound to the device').waitFor() // bob has others
  return b.context
}

steps['a restart of the browser, and a link on another site'] = async () => {
  const profile = newProfile()
  const first = await signedInAt(profile)
  await first.context.close()
  const b = await open(profile)
  assert.ok(b.events.some(e => e.added && e.added.length === 1) || await until('the session of the profile', () => b.events.some(e => e.added && e.added.length === 1)))
  await expires(b)
  await b.page.goto(url + '/session/')
  await signedIn(b.page)
  await until('the event of the refresh', () => held(b) > 0)

  await b.page.goto(evil)
  await expires(b)
  const before = held(b)
  await b.page.getByRole('link').click()
  await signedIn(b.page)
  await until('the event of the refresh', () => held(b) > before)
  return b.context
}

steps['logout ends the key'] = async () => {
  const b = await signedInAt()
  await expires(b)
  await b.page.getByRole('button', { name: 'Sign out' }).click()
  await signedOut(b.page)
  assert.deepEqual(await names(b), [])
  assert.equal(await status(b), 401)
  await until('the browser ends its session', () => b.events.some(e => e.refreshEventDetails && e.refreshEventDetails.refreshResult === 'FatalError'))
  await signIn(b.page, 'bob@example.com', 'secret', true) // and the next one is bound, too
  await signedIn(b.page)
  await until('the second registration', () => b.events.filter(e => e.creationEventDetails && e.succeeded).length === 2)
  await expires(b)
  assert.equal(await status(b), 200)
  return b.context
}

steps['end all other sessions, from another browser'] = async () => {
  const email = 'alice@example.com' // whom no other step uses
  const b = await signedInAt(undefined, email)
  const other = await signedInAt(undefined, email)
  await other.page.reload()
  await other.page.getByRole('button', { name: 'End all other sessions' }).click()
  await other.page.getByText('All other sessions were ended.').waitFor()
  await b.page.reload()
  await signedOut(b.page)
  assert.deepEqual(await names(b), [])
  await expires(other)
  assert.equal(await status(other), 200)
  await other.context.close()
  return b.context
}

steps['a copy of the cookies is refused within one period, and signs no one out'] = async () => {
  const b = await signedInAt()
  const thief = await open()
  await expires(b) // later than 10 s after the registration: the session needs its bound cookie from here on
  assert.equal(await status(b), 200)
  await thief.context.addCookies((await b.context.cookies(url)).map(({ name, value, path, httpOnly, secure, sameSite }) =>
    ({ name, value, path, httpOnly, secure, sameSite, domain: new URL(url).hostname, expires: Date.now() / 1000 + 3600 })))
  const copied = Date.now()
  assert.deepEqual(await names(thief), [long, bound])
  await thief.page.goto(url + '/session/')
  await until('a period is over', () => Date.now() - copied > period)
  assert.equal(await status(thief), 401)
  await thief.page.goto(url + '/session/')
  await signedOut(thief.page)
  assert.equal(await status(b), 200, 'the first profile is still signed in')
  assert.equal(await status(thief), 401)
  await thief.context.close()
  return b.context
}

await run({ atOnce: true }) // they wait for cookies to expire
