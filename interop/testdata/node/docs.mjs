// A person in Chromium uses a program of the documentation. The argument is a JSON object:
// page, the name of its page in docs/, app and provider, their addresses, and
// executablePath, that of Chromium.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const { page: name, app, provider, executablePath } = JSON.parse(process.argv[2])
const timeout = 120000 // for a start of Chromium or what a page does, on a busy machine, too
const browser = await chromium.launch({ executablePath, timeout, args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'] })
let page // of the last visitor

// visit opens a page in a browser without cookies.
async function visit (path) {
  const context = await browser.newContext()
  context.setDefaultTimeout(timeout)
  page = await context.newPage()
  await page.goto(app + path)
}

const text = () => page.locator('body').innerText()
const button = text => page.getByRole('button', { name: text, exact: true })
const link = text => page.getByRole('link', { name: text, exact: true })
const at = path => page.waitForURL(app + path)

// answer fills in the pages of the provider.
async function answer (account) {
  await page.waitForURL(provider + '/**')
  await page.locator('[name=login]').fill(account)
  await page.locator('[name=password]').fill('any')
  await page.locator('button[type=submit]').click()
  await page.locator('[name=prompt][value=consent]').waitFor({ state: 'attached' })
  await page.locator('button[type=submit]').click()
}

// confirm signs out at the provider.
async function confirm () {
  await page.waitForURL(provider + '/**')
  await page.locator('button[name=logout]').click()
}

const steps = {
  'sign-in-with-a-provider': async () => {
    await visit('/account') // a page that needs a sign-in
    await answer('alice')
    await at('/account')
    assert.match(await text(), /account 1, alice/)
    await page.goto(app + '/')
    await button('Sign out').click()
    await confirm()
    await at('/')
    assert.match(await text(), /Sign in/)
    await link('Sign in').click()
    await page.waitForURL(provider + '/interaction/**') // the provider asks again
    await link('[ Cancel ]').click()
    await page.waitForURL(app + '/callback?**')
    assert.match(await text(), /Sign-in was declined/)
    await page.getByRole('link', { name: 'Go to the start page' }).click()
    await at('/')
  },

  'linking-accounts': async () => {
    await visit('/')
    assert.equal(page.url(), app + '/login?next=%2F')
    await page.getByLabel('E-mail').fill('alice@example.com')
    await page.getByLabel('Password').fill('correct horse')
    await button('Create an account').click()
    await at('/')
    await button('Add the company account').click()
    await answer('alice')
    await at('/')
    assert.match(await text(), /Account 1\s+Sign-in by alice/)

    await visit('/login')
    await link('Sign in with the company account').click()
    await answer('alice')
    await at('/')
    assert.match(await text(), /Account 1\s/)
    await button('Remove').click() // the password is left
    await at('/')
    assert.doesNotMatch(await text(), /Sign-in by/)

    await visit('/login')
    await link('Sign in with the company account').click()
    await answer('alice')
    await page.waitForURL(app + '/callback?**')
    assert.match(await text(), /There is an account with your e-mail address/)
  },

  passkeys: async () => {
    await visit('/')
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    // authenticator adds one, whose person agrees at once to what pages ask.
    const authenticator = async more => {
      const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true }
      return (await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, ...more } })).authenticatorId
    }
    const remove = authenticatorId => cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    const credentials = async authenticatorId => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials
    const password = async () => {
      await page.getByLabel('E-mail').fill('alice@example.com')
      await page.getByLabel('Password').fill('correct horse')
      await button('Sign in').click()
      await at('/')
    }
    const add = async name => {
      await page.getByLabel('Name').fill(name)
      await button('Add a passkey').click()
    }
    const signOut = async () => {
      const form = page.waitForEvent('framenavigated', frame => frame.url() === app + '/login')
      await button('Sign out').click()
      await form // from which autofill may be gone at once
    }
    const refused = async () => {
      await button('Sign in with a passkey').click()
      await page.getByText('This passkey is not accepted.').waitFor()
      assert.equal(page.url(), app + '/login')
    }

    let phone = await authenticator()
    await password()
    await add('Phone')
    await page.getByRole('listitem').getByText('Phone').waitFor()
    await add('Again') // the browser refuses a second one of the account
    await page.getByText('No passkey was added.').waitFor()
    await signOut() // and autofill signs in by itself
    await at('/')
    assert.match(await text(), /\[hwk\]/)

    let [credential] = await credentials(phone)
    for (const backupEligibility of [true, false, true]) { // may change (go-webauthn#335)
      await remove(phone)
      phone = await authenticator()
      await cdp.send('WebAuthn.addCredential', { authenticatorId: phone, credential: { ...credential, signCount: credential.signCount + 10, backupEligibility, backupState: backupEligibility } })
      await signOut()
      await at('/')
      assert.match(await text(), backupEligibility ? /\[swk\]/ : /\[hwk\]/)
      credential = (await credentials(phone))[0]
    }

    await remove(phone)
    await signOut()
    phone = await authenticator() // a copy whose counter is behind
    await cdp.send('WebAuthn.addCredential', { authenticatorId: phone, credential: { ...credential, signCount: 1 } })
    await refused()
    await remove(phone)
    phone = await authenticator()
    await cdp.send('WebAuthn.addCredential', { authenticatorId: phone, credential: { ...credential, signCount: credential.signCount + 1 } })
    await button('Sign in with a passkey').click()
    await at('/')

    const key = await authenticator({ transport: 'usb' })
    await remove(phone)
    await add('Key')
    await page.getByRole('listitem').getByText('Key').waitFor()
    assert.equal(await page.getByRole('listitem').count(), 2)
    const [removed] = await credentials(key)
    await page.getByRole('listitem').filter({ hasText: 'Key' }).getByRole('button').click()
    await page.getByRole('listitem').filter({ hasText: 'Key' }).waitFor({ state: 'detached' })
    await remove(key)
    await signOut()
    await cdp.send('WebAuthn.addCredential', { authenticatorId: await authenticator(), credential: removed }) // of a browser that missed the signal
    await refused()
  },

  'single-page': async () => {
    await visit('/')
    const complaints = []
    page.on('pageerror', error => complaints.push(error.message))
    page.on('console', message => /Content Security Policy|CORS/.test(message.text()) && complaints.push(message.text()))
    await link('Sign in').click()
    await answer('alice')
    await at('/')
    await page.getByText('Notes of alice').waitFor()
    assert.equal(await page.evaluate(() => document.cookie), '')
    await page.getByLabel('Note').fill('<b>one</b>')
    await button('Save').click()
    await page.getByRole('listitem').getByText('<b>one</b>').waitFor()

    await page.context().clearCookies({ name: 'session' }) // it ends meanwhile
    await page.getByLabel('Note').fill('two')
    await Promise.all([page.waitForEvent('load'), button('Save').click()]) // there and back, without a question
    await page.getByText('Notes of alice').waitFor()
    assert.equal(await page.getByLabel('Note').inputValue(), 'two')
    await button('Save').click()
    await page.getByRole('listitem').getByText('two').waitFor()

    await button('Sign out').click()
    await confirm()
    await at('/')
    await link('Sign in').waitFor()
    assert.deepEqual(complaints, [])
  }
}

try {
  await steps[name]()
} catch (error) {
  console.log(error.stack + '\n' + page.url() + '\n' + (await text().catch(String)).slice(0, 1000))
  process.exitCode = 1
}
await browser.close()
