// A person in Chromium who signs in to an application with an account at a provider. The
// argument is a JSON object: app, the address of the application, client, its registration,
// login, the account at the provider, subject, what the provider calls it, consents,
// whether it has a page for consent, providerLogout, the address of its page to sign out
// of all applications, or "", executablePath, that of Chromium, and only, a part of the
// names of the steps to run.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const { app, client, login, subject, consents, providerLogout, executablePath, only } = JSON.parse(process.argv[2])
const begin = `${app}/${client}/login`
const callback = `${app}/${client}/callback`
const timeout = 120000 // for a start of Chromium or what a page does, on a busy machine, too
const steps = {}
const later = {} // end sessions of other steps: a provider without sessions signs a person out everywhere

const headed = (page, text) => page.getByRole('heading', { name: text, exact: true }).waitFor()
const signedIn = page => headed(page, `Signed in as ${subject}`)
const signedOut = page => headed(page, 'Signed out')
const click = (page, name) => page.getByRole('button', { name, exact: true }).click()
const sessionOf = async context => (await context.cookies(app)).find(c => c.name === '__Host-session')?.value
const pendingOf = async context => (await context.cookies(app)).filter(c => c.name.startsWith('__Host-oauth-')).length

// atProvider answers the pages of the provider.
async function atProvider (page, account = login) {
  await headed(page, 'Sign in at the provider')
  await page.getByLabel('Account').fill(account)
  await click(page, 'Sign in')
  if (!consents) return
  await headed(page, 'Allow access')
  await click(page, 'Allow')
}

async function signIn (page) {
  await page.goto(app + '/')
  await signedOut(page)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await atProvider(page)
  await signedIn(page)
}

steps['sign in, and sign in again without the provider asking'] = async context => {
  const page = await context.newPage()
  await signIn(page)
  assert.equal(page.url(), app + '/')
  const cookies = await context.cookies(app)
  assert.deepEqual(cookies.map(c => [c.name, c.secure, c.httpOnly, c.sameSite, c.path]), [['__Host-session', true, true, 'Lax', '/']])
  const first = await sessionOf(context)
  await page.goto(begin + '?next=/me')
  if (!consents) await atProvider(page) // it has no sessions
  await page.waitForURL(app + '/me')
  assert.notEqual(await sessionOf(context), first, 'a sign-in is a new session')
}

steps['the provider posts its answer'] = async context => {
  const page = await context.newPage()
  for (const first of [true, false]) { // the second time the browser has a session
    const [request] = await Promise.all([
      page.waitForRequest(`${app}/form_post/callback`),
      page.goto(`${app}/form_post/login?next=/me`).then(async () => {
        if (first || !consents) await atProvider(page)
      })
    ])
    assert.equal(request.method(), 'POST')
    await page.waitForURL(app + '/me')
    assert.ok(await sessionOf(context))
    assert.equal(await pendingOf(context), 0)
  }
}

steps['three tabs, the last one first'] = async context => {
  const tabs = []
  for (const n of [1, 2, 3]) {
    const page = await context.newPage()
    await page.goto(`${begin}?next=/?tab=${n}`)
    await headed(page, 'Sign in at the provider')
    tabs.push(page)
  }
  assert.equal(await pendingOf(context), 3)
  for (const n of [3, 1, 2]) {
    const page = tabs[n - 1]
    await page.getByLabel('Account').fill(login)
    await click(page, 'Sign in')
    if (consents) {
      await page.getByText(/Allow access|Signed in as/).first().waitFor()
      if (await page.getByRole('button', { name: 'Allow' }).count()) await click(page, 'Allow')
    }
    await signedIn(page)
    assert.equal(page.url(), `${app}/?tab=${n}`, 'each tab leads to where it began')
  }
  assert.equal(await pendingOf(context), 0)
  for (const page of tabs) {
    await page.reload()
    await signedIn(page)
  }
}

steps['the back button after a sign-in'] = async context => {
  const page = await context.newPage()
  const callbacks = []
  page.on('request', r => r.isNavigationRequest() && r.url().startsWith(callback) && callbacks.push(r.url()))
  await signIn(page)
  assert.equal(callbacks.length, 1)
  const session = await sessionOf(context)

  // The callback is no entry of the history: back is the provider's last page.
  await page.goBack()
  await headed(page, consents ? /Allow access|This sign-in is over/ : 'Sign in at the provider')
  if (await page.getByRole('button').count()) {
    if (!consents) await page.getByLabel('Account').fill(login)
    await page.getByRole('button').first().click()
  }
  await headed(page, 'This sign-in is over')
  await page.getByRole('link', { name: 'Back to the application' }).click()
  await signedIn(page)

  // Its address, from the history of the browser: a page, and a way on.
  const response = await page.goto(callbacks[0])
  assert.equal(response.status(), 400)
  await page.getByText('Invalid or expired sign-in').waitFor()
  assert.equal(await sessionOf(context), session, 'the session is that of the sign-in')
  await page.getByRole('link', { name: 'Go to the start page' }).click()
  await signedIn(page)
  assert.equal(await sessionOf(context), session)
}

steps['the person declines, and then agrees'] = async context => {
  const page = await context.newPage()
  await page.goto(begin + '?next=/me')
  await headed(page, 'Sign in at the provider')
  if (consents) {
    await page.getByLabel('Account').fill(login)
    await click(page, 'Sign in')
    await headed(page, 'Allow access')
  }
  const [response] = await Promise.all([
    page.waitForResponse(r => r.url().startsWith(callback)),
    click(page, consents ? 'Decline' : 'Cancel')
  ])
  assert.equal(response.status(), 403)
  await page.getByText('Sign-in was declined').waitFor()
  assert.equal(await sessionOf(context), undefined)
  assert.equal(await pendingOf(context), 0)
  await page.getByRole('link', { name: 'Go to the start page' }).click()
  await signedOut(page)
  await page.getByRole('link', { name: 'Sign in' }).click()
  if (consents) {
    await headed(page, 'Allow access') // the provider knows who it is
    await click(page, 'Allow')
  } else {
    await atProvider(page)
  }
  await signedIn(page)
}

steps['an answer that is not accepted is a page, and no loop of redirects'] = async context => {
  const page = await context.newPage()
  const callbacks = []
  page.on('response', r => r.url().startsWith(callback) && callbacks.push(r.status()))
  await page.goto(begin + '?next=/me&acr=gold') // which no provider here has
  await atProvider(page)
  await page.getByText('Sign-in failed').waitFor()
  assert.deepEqual(callbacks, [401])
  assert.equal(await sessionOf(context), undefined)
  await page.getByRole('link', { name: 'Sign in' }).click()
  if (!consents) await atProvider(page)
  await page.waitForURL(app + '/')
  await signedIn(page)
  assert.deepEqual(callbacks, [401, 303])
}

later['sign out of the application and of the provider'] = async context => {
  const page = await context.newPage()
  await signIn(page)
  const session = await sessionOf(context)
  await click(page, 'Sign out')
  if (consents) {
    await headed(page, 'Sign out of the provider?')
    assert.notEqual(await sessionOf(context), session, 'the application has ended its session by then')
    await click(page, 'Sign out')
  }
  await signedOut(page)
  assert.equal(page.url(), app + '/')
  assert.equal(await sessionOf(context), undefined)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await atProvider(page) // which asks again
  await signedIn(page)
}

if (providerLogout) {
  later['a logout at the provider ends the session within that request'] = async context => {
    const [page, stale, elsewhere] = [await context.newPage(), await context.newPage(), await context.newPage()]
    await signIn(page)
    await stale.goto(app + '/')
    await signedIn(stale)
    await elsewhere.goto(providerLogout)
    await headed(elsewhere, 'Sign out of the provider?')
    const [response] = await Promise.all([
      elsewhere.waitForResponse(r => r.request().method() === 'POST'),
      click(elsewhere, 'Sign out')
    ])
    assert.equal(response.status(), 303)
    await page.reload()
    await signedOut(page)
    assert.equal(await sessionOf(context), undefined, 'the dead cookie is cleared')
    await click(stale, 'Sign out') // on a page that does not know it yet
    await signedOut(stale)
    assert.equal(stale.url(), app + '/')
  }
}

// run runs a step, with cookies of its own, and returns whether it failed.
async function run (browser, name, step) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  context.setDefaultTimeout(timeout)
  let failed = false
  try {
    await step(context)
    console.log('ok   ' + name)
  } catch (error) {
    failed = true
    console.log('FAIL ' + name + '\n' + error.stack)
    for (const page of context.pages()) {
      console.log(page.url() + '\n' + (await page.locator('body').innerText().catch(String)).slice(0, 1000))
    }
  }
  await context.close()
  return failed
}

const browser = await chromium.launch({
  executablePath,
  timeout,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync']
})
const chosen = all => Object.entries(all).filter(([name]) => name.includes(only))
const results = await Promise.all(chosen(steps).map(([name, step]) => run(browser, name, step)))
for (const [name, step] of chosen(later)) results.push(await run(browser, name, step))
await browser.close()
process.exit(results.includes(true) ? 1 : 0)
