// The steps over the pages of /app/: url is the site, mails a server that answers
// /?to=ADDRESS&path=PATH with the newest link by mail to an address, and waits for it.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { browser, cookies, run, shot, sites, steps } from './browser.mjs'

const { url, mails } = sites
const password = 'correct horse battery'

// look takes screenshots of a page in light, dark and 390 pixels, and checks its layout there.
async function look (page, name) {
  await shot(page, name + '-light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await shot(page, name + '-dark')
  await page.emulateMedia({ colorScheme: 'light' })
  const size = page.viewportSize()
  await page.setViewportSize({ width: 390, height: 844 })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390, name + ': nothing is wider than the screen')
  await shot(page, name + '-390')
  await page.setViewportSize(size)
  assert.equal(await page.locator('h1').count(), 1)
}

// picture takes one of README's pictures: docs/images/NAME.png.
async function picture (page, name) {
  const size = page.viewportSize()
  await page.setViewportSize({ width: 700, height: 640 })
  await shot(page, name)
  await page.setViewportSize(size)
}

const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
const click = (page, name) => page.getByRole('main').getByRole('button', { name, exact: true }).click()
const follow = (page, name) => page.getByRole('main').getByRole('link', { name, exact: true }).click()
const go = (page, name) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click()

// link is the newest link to a path in the mails to an address.
async function link (to, path, not = '') {
  const response = await fetch(mails + '/?' + new URLSearchParams({ to, path, not }))
  assert.equal(response.status, 200, `a mail to ${to} with a link to ${path}`)
  return await response.text()
}

// code is that of an authenticator (RFC 6238), some steps from now.
function code (secret, steps = 0) {
  const bits = [...secret].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps))
  const mac = createHmac('sha1', key).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0')
}

// wrongCode is a code that no step near now has.
function wrongCode (secret) {
  const right = [-1, 0, 1, 2].map(steps => code(secret, steps))
  return ['000000', '111111', '222222', '333333', '444444'].find(c => !right.includes(c))
}

async function signUp (page, email) {
  await page.goto(url + '/app/')
  await heading(page, 'Welcome')
  await look(page, 'welcome')
  await follow(page, 'Sign up')
  await heading(page, 'Sign up')
  await look(page, 'signup')
  await click(page, 'Send the link')
  await page.getByText('Enter your e-mail address.').waitFor()
  await page.getByLabel('E-mail address').fill('no address')
  await click(page, 'Send the link')
  await page.getByText('Enter an address such as').waitFor()
  assert.equal(await page.getByLabel('E-mail address').inputValue(), 'no address')
  assert.equal(await page.getByLabel('E-mail address').getAttribute('aria-invalid'), 'true')
  await look(page, 'signup-mistake')
  await page.getByLabel('E-mail address').fill(email)
  await click(page, 'Send the link')
  await heading(page, 'Look into your mail')
  await look(page, 'sent')
  await page.goto(await link(email, '/app/signup'))
  await heading(page, 'Choose a password')
  await page.getByLabel('Password').fill('short')
  await click(page, 'Create the account')
  await page.getByText('Choose a password of at least 8').waitFor()
  assert.equal(await page.getByLabel('Password').inputValue(), '')
  await look(page, 'signup-link')
  await page.getByLabel('Password').fill(password)
  await click(page, 'Create the account')
  await page.getByText('Welcome! Your account is ready.').waitFor()
  await heading(page, 'Your account')
  await look(page, 'home')
}

async function signIn (page, email, pw = password) {
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password').fill(pw)
  await click(page, 'Sign in')
}

async function signOut (page) {
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out.').waitFor()
}

// confirm ends the set-up of an authenticator, and returns the recovery codes.
async function confirm (page, secret) {
  await page.getByLabel('Code', { exact: true }).fill(code(secret))
  await click(page, 'Confirm')
  await heading(page, 'Your recovery codes')
  const codes = await page.locator('.codes code').allTextContents()
  assert.equal(codes.length, 10)
  return codes
}

// tour is everything that a person does with an account, but for passkeys.
async function tour (context, email) {
  const page = await context.newPage()
  const complaints = []
  page.on('console', m => m.type() === 'error' && complaints.push(m.text()))
  await signUp(page, email)

  await go(page, 'Sessions')
  await heading(page, 'Where you are signed in')
  await page.getByText('You are signed in nowhere else.').waitFor()
  await look(page, 'sessions-one')
  await signOut(page)
  await look(page, 'login')
  await signIn(page, email, 'wrong')
  await page.getByRole('alert').waitFor()
  assert.equal(await page.getByLabel('E-mail address').inputValue(), email)
  assert.equal(await page.getByLabel('Password').inputValue(), '')
  await look(page, 'login-mistake')
  await page.getByLabel('Keep me signed in').check()
  await signIn(page, email)
  await heading(page, 'Your account')
  assert.ok((await cookies(context))[0].expires > Date.now() / 1000 + 600000)

  await page.goto(url + '/stepup/transfer')
  await heading(page, 'Second factor') // without one the way leads here
  await look(page, 'factor-none')
  await click(page, 'Set up an authenticator')
  await heading(page, 'Set up an authenticator')
  const secret = await page.locator('.secret').textContent()
  await look(page, 'enroll')
  await page.getByLabel('Code', { exact: true }).fill(wrongCode(secret))
  await click(page, 'Confirm')
  await page.getByText('That code is not right.').waitFor()
  await look(page, 'enroll-mistake')
  await confirm(page, secret)
  await look(page, 'recovery')
  await follow(page, 'I have stored them')
  await page.getByRole('heading', { name: 'Transfer money' }).waitFor()
  await page.getByRole('button', { name: 'Transfer' }).click()
  await page.getByRole('heading', { name: 'Transferred' }).waitFor()

  await page.goto(url + '/app/factor')
  await look(page, 'factor')
  await signOut(page)
  await page.goto(url + '/stepup/transfer')
  await signIn(page, email)
  await heading(page, 'One more step')
  await page.getByLabel('Code', { exact: true }).fill(wrongCode(secret))
  await click(page, 'Sign in')
  await page.getByText('That code is not right.').waitFor()
  await look(page, 'second')
  await page.getByLabel('Code', { exact: true }).fill(code(secret, 1)) // another one than confirmed it
  await click(page, 'Sign in')
  await page.getByRole('heading', { name: 'Transfer money' }).waitFor()

  await page.goto(url + '/app/email')
  await heading(page, 'E-mail address')
  await look(page, 'email')
  await page.getByLabel('New e-mail address').fill(email)
  await click(page, 'Send the link')
  await page.getByText('That is your address already.').waitFor()
  await page.getByLabel('New e-mail address').fill('new-' + email)
  await click(page, 'Send the link')
  await heading(page, 'Look into your mail')
  await page.goto(await link('new-' + email, '/app/email/link'))
  await heading(page, 'Confirm the new address')
  await look(page, 'email-link')
  await click(page, 'Change the address')
  await page.getByText('The address was changed.').waitFor()
  await page.getByRole('banner').getByText('new-' + email).waitFor()

  await go(page, 'Password')
  await heading(page, 'Password')
  await page.getByLabel('Your password now').fill('wrong')
  await page.getByLabel('New password').fill(password + '!')
  await click(page, 'Change the password')
  await page.getByText('That is not your password.').waitFor()
  await look(page, 'password')
  await page.getByLabel('Your password now').fill(password)
  await page.getByLabel('New password').fill(password + '!')
  await click(page, 'Change the password')
  await page.getByText('Your password was changed.').waitFor()

  const undo = await link(email, '/app/email/undo')
  await page.goto(undo)
  await heading(page, 'Undo the change of the address')
  await look(page, 'email-undo')
  await click(page, 'Undo the change')
  await page.getByText('The change is undone').waitFor()
  await look(page, 'undone')
  assert.equal((await cookies(context)).length === 0 || (await context.request.get(url + '/session/profile')).status() === 401, true)
  await page.goto(undo)
  await heading(page, 'This link does not work')
  await look(page, 'bad-link')

  await page.goto(url + '/app/login')
  await follow(page, 'Forgot your password?')
  await heading(page, 'Forgot your password?')
  await page.goto(await link(email, '/app/reset'))
  await heading(page, 'Choose a new password')
  await look(page, 'reset-link')
  await page.getByLabel('New password').fill(password)
  await click(page, 'Change the password')
  await page.getByText('Sign in with the new one.').waitFor()
  await follow(page, 'Sign in with a link by mail')
  await page.getByLabel('E-mail address').fill(email)
  await click(page, 'Send the link')
  await heading(page, 'Look into your mail')
  await page.goto(await link(email, '/app/login/link'))
  await look(page, 'login-link')
  await click(page, 'Sign in')
  await heading(page, 'Your account') // a thief may have added the factor: it went with the change

  await go(page, 'Second factor')
  await click(page, 'Set up an authenticator')
  const recovery = await confirm(page, await page.locator('.secret').textContent())
  await follow(page, 'I have stored them')
  await signOut(page)
  await signIn(page, email)
  await heading(page, 'One more step')
  await page.getByLabel('Code', { exact: true }).fill(recovery[0])
  await click(page, 'Sign in')
  await heading(page, 'Your account')

  await go(page, 'Second factor')
  await page.getByText('9 recovery codes').waitFor()
  await click(page, 'Make new recovery codes')
  await heading(page, 'Your recovery codes')
  const fresh = await page.locator('.codes code').allTextContents()
  await follow(page, 'I have stored them')
  await page.getByLabel('Code', { exact: true }).fill(recovery[1])
  await click(page, 'Remove the second factor')
  await page.getByText('That code is not right.').waitFor()
  await look(page, 'factor-mistake')
  await page.getByLabel('Code', { exact: true }).fill(fresh[0])
  await click(page, 'Remove the second factor')
  await page.getByText('The second factor was removed.').waitFor()

  const other = await browser()
  const theirs = await other.newPage()
  await theirs.goto(url + '/app/login')
  await signIn(theirs, email)
  await heading(theirs, 'Your account')
  await go(page, 'Sessions')
  await look(page, 'sessions')
  await page.getByRole('main').getByRole('button', { name: /^End the session/ }).click()
  await page.getByText('The session was ended.').waitFor()
  await theirs.reload()
  await heading(theirs, 'Welcome')
  await other.close()

  await page.goto(url + '/app/nothing')
  await heading(page, 'Page not found')
  await look(page, 'not-found')
  await follow(page, 'Go to the start page')
  await heading(page, 'Your account')
  assert.deepEqual(complaints.filter(c => !/40[0-9]|422/.test(c)), [], 'the policy allows the pages what they need')
  return context
}

steps['from sign-up to the end of a session'] = async () => tour(await browser(), 'ada@example.com')

steps['without JavaScript'] = async () => tour(await browser({ javaScriptEnabled: false }), 'grace@example.com')

// person is a browser with an authenticator. present is whether its owner agrees at once to
// what pages ask, also to the autofill of a form.
async function person () {
  const context = await browser()
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true }
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options })
  const present = enabled => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
  return { context, page, present }
}

steps['from sign-up to the removal of a passkey'] = async () => {
  const { context, page, present } = await person()
  const email = 'hedy@example.com'
  await signUp(page, email)
  await go(page, 'Passkeys')
  await heading(page, 'Passkeys')
  await look(page, 'passkeys-none')
  await page.getByLabel('Name', { exact: true }).fill('My laptop')
  await click(page, 'Add a passkey')
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
  const recovery = (await page.locator('[data-passkey=codes] code').textContent()).split('\n')
  await look(page, 'passkeys-codes')
  await follow(page, 'I have stored them')
  await page.getByText('The passkey is added.').waitFor()
  await page.getByText('Your passkeys are the second factor.').waitFor()
  await look(page, 'home-passkeys')
  await present(false)

  await signOut(page)
  await page.goto(url + '/stepup/transfer')
  await heading(page, 'Sign in')
  await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor()
  await look(page, 'login-passkey')
  await picture(page, 'sign-in')
  await present(true)
  await page.goto(url + '/stepup/transfer') // by the autofill
  await page.getByRole('heading', { name: 'Transfer money' }).waitFor()
  await present(false)

  await page.goto(url + '/app/')
  await signOut(page)
  await signIn(page, email) // the password, and then the passkey
  await heading(page, 'One more step')
  await look(page, 'second-passkey')
  await present(true) // no autofill here
  await click(page, 'Use a passkey')
  await heading(page, 'Your account')
  await picture(page, 'account')
  await present(false)
  await signOut(page)
  await signIn(page, email) // or a recovery code
  await page.getByLabel('Code', { exact: true }).fill(recovery[0])
  await click(page, 'Sign in')
  await heading(page, 'Your account')

  await go(page, 'Second factor')
  await page.getByText('Your passkeys are your second factor. You have 9 recovery codes left.').waitFor()
  await look(page, 'factor-passkey')
  await go(page, 'Passkeys')
  await page.getByText('Rename', { exact: true }).click()
  await page.getByLabel('New name').fill('My old laptop')
  await click(page, 'Save')
  await page.getByText('The passkey has its new name.').waitFor()
  await look(page, 'passkeys')
  await page.getByText('Remove', { exact: true }).click()
  await look(page, 'passkeys-remove')
  await click(page, 'Remove My old laptop')
  await page.getByText('The passkey is removed.').waitFor()
  await page.getByText('You have none.').waitFor()
  await signOut(page)
  await signIn(page, email)
  await heading(page, 'Your account')
  return context
}

steps['with the keyboard'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  await page.goto(url + '/app/login')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'email')
  await page.keyboard.type('bob@example.com')
  await page.keyboard.press('Tab')
  await page.keyboard.type('secret')
  await page.keyboard.press('Enter')
  await heading(page, 'Your account')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip')
  await shot(page, 'skip')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.closest('main') !== null), true, 'the first stop is in the content')
  return context
}

await run()
