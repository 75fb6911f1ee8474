// The steps over the page of /passkey/, with the virtual authenticators of Chromium: url and
// pages are sites with -dev, of the name localhost. No two steps use an account at a time.
import assert from 'node:assert/strict'
import { browser, looks, run, shot, sites, steps } from './browser.mjs'

const { url, pages } = sites
const title = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor()
const button = (page, name) => page.getByRole('button', { name, exact: typeof name === 'string' })
const alert = (page, text) => page.getByRole('alert').getByText(text).waitFor()
const item = (page, name) => page.getByRole('listitem').filter({ has: page.getByRole('heading', { name }) })

// open opens the page in a new browser, and returns what makes authenticators in it.
async function open (options, site = url) {
  const context = await browser(options)
  const page = await context.newPage()
  const complaints = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', m => /Content Security Policy/.test(m.text()) && complaints.push(m.text()))
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const devices = {
    // add adds an authenticator, whose person agrees at once to what pages ask.
    async add (more) {
      const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true }
      return (await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, ...more } })).authenticatorId
    },
    remove: authenticatorId => cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }),
    list: async authenticatorId => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    put: (authenticatorId, credential) => cdp.send('WebAuthn.addCredential', { authenticatorId, credential }),
    verified: (authenticatorId, isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  }
  await page.goto(site + '/passkey/')
  await title(page, 'Sign in')
  return { context, page, devices, complaints }
}

async function password (page, user) {
  await page.getByLabel('E-mail address').fill(user + '@example.com')
  await page.getByLabel('Password').fill('secret')
  await button(page, 'Sign in').click()
}

async function add (page, name) {
  await page.getByLabel('Name', { exact: true }).fill(name)
  await button(page, 'Add a passkey').click()
}

// first adds the first passkey of a user, and returns the recovery codes.
async function first (page, user, name) {
  await password(page, user)
  await title(page, 'Passkeys')
  await add(page, name)
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
  const codes = (await page.locator('[data-passkey=codes] code').textContent()).split('\n')
  assert.equal(codes.length, 10)
  await page.getByRole('link', { name: 'I have stored them' }).click()
  await title(page, 'Confirm that it is you') // the session began without the passkey
  await page.getByRole('status').getByText('The passkey is added.').waitFor()
  return codes
}

async function signOut (page) {
  await page.goto(url + '/session/')
  await button(page, 'Sign out').click()
  await page.getByText('You are signed out.').waitFor()
}

steps['registration, two authenticators, autofill, names, and a removed credential'] = async () => {
  const { context, page, devices, complaints } = await open()
  let phone = await devices.add()
  await first(page, 'alice', 'Phone')
  await button(page, 'Use a passkey').click()
  await title(page, 'Passkeys')
  await item(page, 'Phone').getByText('last used just now').waitFor()

  await add(page, 'Again')
  await alert(page, 'This device has a passkey of your account already.')
  const [credential] = await devices.list(phone)
  const key = await devices.add({ transport: 'usb' })
  await devices.remove(phone)
  await add(page, 'Key')
  await item(page, 'Key').getByText('never used').waitFor()
  assert.equal(await page.getByRole('listitem').count(), 2)

  await item(page, 'Key').getByText('Rename').click()
  await page.getByLabel('New name').last().fill(' ')
  await button(page, 'Save').last().click()
  await alert(page, /^Enter a short name/)
  assert.equal(await page.getByLabel('New name').last().getAttribute('aria-invalid'), 'true')
  await page.getByLabel('New name').last().fill('Schlüssel <b>')
  await button(page, 'Save').last().click()
  await page.getByText('The passkey has its new name.').waitFor()
  await item(page, 'Schlüssel <b>').waitFor()

  await signOut(page)
  phone = await devices.add()
  await devices.put(phone, credential)
  await page.goto(url + '/passkey/?next=/stepup/transfer') // and autofill signs in by itself
  await title(page, 'Transfer money')

  const [removed] = await devices.list(key)
  await page.goto(url + '/passkey/')
  await item(page, 'Schlüssel').getByText('Remove', { exact: true }).click()
  await button(page, 'Remove Schlüssel <b> now').click()
  await page.getByText('The passkey is removed').waitFor()
  assert.equal(await page.getByRole('listitem').count(), 1)
  assert.deepEqual(await devices.list(key), [], 'the browser was told that it is removed')

  await signOut(page)
  await devices.remove(phone)
  await devices.remove(key)
  await page.goto(url + '/passkey/')
  const stale = await devices.add() // of a browser that missed it
  await devices.put(stale, removed)
  await button(page, 'Sign in with a passkey').click()
  await alert(page, 'This passkey was removed from the account.')
  assert.deepEqual(await devices.list(stale), [], 'and now it knows')
  await shot(page, 'passkey-removed')
  assert.deepEqual(complaints, [])
  return context
}

steps['no user verification, toggled backup flags, and a counter that goes back'] = async () => {
  const { context, page, devices, complaints } = await open()
  let phone = await devices.add()
  await first(page, 'bob', 'Phone')
  await devices.verified(phone, false)
  await button(page, 'Use a passkey').click()
  await alert(page, 'No passkey was used. Try again, or sign in another way.')
  await devices.verified(phone, true)
  await button(page, 'Use a passkey').click()
  await title(page, 'Passkeys')

  let [credential] = await devices.list(phone)
  for (const eligible of [true, false, true]) { // go-webauthn#335
    await signOut(page)
    await devices.remove(phone)
    phone = await devices.add()
    await devices.put(phone, { ...credential, signCount: credential.signCount + 10, backupEligibility: eligible, backupState: eligible })
    await page.goto(url + '/passkey/')
    await title(page, 'Passkeys')
    assert.equal(await item(page, 'Phone').getByText('Synced').count(), eligible ? 1 : 0)
    credential = (await devices.list(phone))[0]
  }
  await signOut(page)
  await devices.remove(phone)
  phone = await devices.add() // a copy whose counter is behind
  await devices.put(phone, { ...credential, signCount: 1 })
  await page.goto(url + '/passkey/')
  await alert(page, 'This passkey is not accepted.')
  await page.goto(url + '/')
  await devices.remove(phone)
  phone = await devices.add()
  await devices.put(phone, { ...credential, signCount: credential.signCount + 100 })
  await page.goto(url + '/passkey/')
  await title(page, 'Passkeys') // the owner signs in all the same
  assert.deepEqual(complaints, [])
  return context
}

steps['a lost passkey: a recovery code, and another one'] = async () => {
  const { context, page, devices } = await open()
  let phone = await devices.add()
  const codes = await first(page, 'carol', 'Phone')
  await devices.remove(phone)
  await signOut(page)
  await page.goto(url + '/passkey/')
  await password(page, 'carol')
  await title(page, 'One more step')
  await button(page, 'Use a passkey').waitFor()
  await page.getByRole('link', { name: 'Use a recovery code' }).click()
  await page.getByLabel('Code').fill('wrong')
  await button(page, 'Sign in').click()
  await alert(page, 'Invalid code')
  await page.getByRole('link', { name: 'Use a passkey' }).click()
  await title(page, 'One more step')
  await page.getByRole('link', { name: 'Use a recovery code' }).click()
  await page.getByLabel('Code').fill(codes[0])
  await button(page, 'Sign in').click()
  await title(page, 'Passkeys')
  await item(page, 'Phone').getByText('Remove', { exact: true }).click()
  await page.getByText('It is the only one').waitFor()
  phone = await devices.add()
  await add(page, 'Another phone')
  await page.getByRole('status').getByText('The passkey is added.').waitFor()
  await item(page, 'Phone').first().getByText('Remove', { exact: true }).click()
  await button(page, 'Remove Phone now').click()
  await page.getByText('The passkey is removed').waitFor()
  await signOut(page)
  await devices.remove(phone)
  await page.goto(url + '/passkey/')
  await password(page, 'carol')
  await title(page, 'One more step')
  await button(page, 'Sign in as someone else').click()
  await page.getByText('You are signed out.').waitFor()
  return context
}

for (const [colorScheme, width] of looks) {
  steps[`the pages, ${colorScheme}, ${width} px wide`] = async () => {
    const { context, page, devices } = await open({ colorScheme, viewport: { width, height: 800 } }, pages)
    const look = async name => {
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name + ' scrolls sideways')
      await shot(page, `passkey-${name}-${colorScheme}-${width}`)
    }
    await button(page, 'Sign in with a passkey').waitFor()
    await look('sign-in')
    let device = await devices.add({ isUserVerified: false })
    await button(page, 'Sign in with a passkey').click()
    await alert(page, 'No passkey was used.')
    await look('refused')
    await devices.remove(device)
    device = await devices.add()
    await page.goto(pages + '/passkey/')
    await password(page, 'alice')
    await title(page, 'Passkeys')
    await look('none')
    await add(page, 'Phone of the person who lives here, <i>nice</i>')
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
    await look('codes')
    await page.getByRole('link', { name: 'I have stored them' }).click()
    await title(page, 'Confirm that it is you')
    await look('confirm')
    await button(page, 'Use a passkey').click()
    await title(page, 'Passkeys')
    await item(page, 'Phone').getByText('Rename').click()
    await look('rename')
    await page.reload()
    await item(page, 'Phone').getByText('Remove', { exact: true }).click()
    await look('remove')
    await button(page, /^Remove Phone/).click()
    await page.getByText('The passkey is removed').waitFor() // for the next step
    return context
  }
}

await run()
