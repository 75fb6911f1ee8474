// The steps over the program of docs/sessions.md, from signing up to logging out
// everywhere: url is its address.
import assert from 'node:assert/strict'
import { browser, looks, newProfile, run, shot, sites, steps } from './browser.mjs'

const { url } = sites
const secret = 'correct horse'

const heading = (page, name) => page.getByRole('heading', { name, exact: true }).waitFor()
const alert = (page, text) => page.getByRole('alert').getByText(text).waitFor()
const press = (page, name) => page.getByRole('button', { name, exact: true }).first().click()
const listed = page => page.getByRole('listitem').count()

async function fill (page, button, email, password, keep) {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  if (keep !== undefined) await page.getByLabel('Keep me signed in').setChecked(keep)
  await press(page, button)
}

async function open (context, path = '/') {
  const page = await context.newPage()
  await page.goto(url + path)
  return page
}

// signUp returns a page of a new account.
async function signUp (context, email) {
  const page = await open(context, '/signup')
  await fill(page, 'Create the account', email, secret)
  await heading(page, 'Your account')
  return page
}

// signIn returns a page of the account in another browser.
async function signIn (email, password = secret, keep = false, dir = undefined) {
  const context = await browser({}, dir)
  const page = await open(context)
  await heading(page, 'Sign in')
  await fill(page, 'Sign in', email, password, keep)
  await heading(page, 'Your account')
  return { context, page }
}

for (const [colorScheme, width] of looks) {
  steps[`sign up and sign in, ${colorScheme}, ${width} px wide`] = async () => {
    const context = await browser({ colorScheme, viewport: { width, height: 800 } })
    const email = `${colorScheme}-${width}@example.com`
    const look = async name => {
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page scrolls sideways')
      await shot(page, `guide-${name}-${colorScheme}-${width}`)
    }
    const complaints = []
    const page = await open(context)
    page.on('console', m => m.type() === 'error' && !/status of 4/.test(m.text()) && complaints.push(m.text()))
    await heading(page, 'Sign in')
    await page.getByRole('link', { name: 'Create an account' }).click()
    await look('signup')
    await fill(page, 'Create the account', email, 'short')
    await alert(page, 'at least 8 characters')
    assert.equal(await page.getByLabel('E-mail').inputValue(), email)
    await look('signup-short')
    await fill(page, 'Create the account', email, secret)
    await heading(page, 'Your account')
    await press(page, 'Log out')
    await heading(page, 'Sign in')

    await page.getByRole('link', { name: 'Create an account' }).click()
    await fill(page, 'Create the account', email.toUpperCase(), secret)
    await alert(page, 'There is an account with this e-mail address')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await fill(page, 'Sign in', email, 'a guess', true)
    await alert(page, 'Wrong e-mail address or password')
    assert.equal(await page.getByLabel('E-mail').inputValue(), email)
    assert.ok(await page.getByLabel('Keep me signed in').isChecked())
    await look('login-wrong')
    await fill(page, 'Sign in', email, secret)
    await heading(page, 'Your account')
    const other = await signIn(email)
    await page.reload()
    await look('account')
    await page.getByRole('link', { name: 'Change the password' }).click()
    await look('password')
    await other.context.close()
    assert.deepEqual(complaints, [], 'the policy allows the page what it needs')
    return context
  }
}

for (const keep of [true, false]) {
  steps[`a restart of the browser, ${keep ? 'with' : 'without'} "Keep me signed in"`] = async () => {
    const email = `keep-${keep}@example.com`
    await (await signUp(await browser(), email)).context().close()
    const dir = newProfile()
    await (await signIn(email, secret, keep, dir)).context.close()
    const context = await browser({}, dir)
    const page = await open(context)
    await heading(page, keep ? 'Your account' : 'Sign in')
    return context
  }
}

steps['two browsers: end one session, change the password, log out everywhere'] = async () => {
  const email = 'two@example.com'
  const context = await browser()
  const page = await signUp(context, email)
  let other = await signIn(email)
  await page.reload()
  assert.equal(await listed(page), 2)
  const late = await open(context)
  await press(page, 'End')
  await page.getByRole('status').getByText('The session has ended.').waitFor()
  assert.equal(await listed(page), 1)
  await page.reload()
  assert.equal(await page.getByRole('status').count(), 0, 'a message is shown only one time')
  await press(late, 'End')
  await late.getByRole('status').getByText('You have no such session.').waitFor()
  await other.page.reload()
  await heading(other.page, 'Sign in')
  await other.context.close()

  other = await signIn(email)
  await page.getByRole('link', { name: 'Change the password' }).click()
  const change = async (old, next) => {
    await page.getByLabel('Password', { exact: true }).fill(old)
    await page.getByLabel('New password').fill(next)
    await press(page, 'Change it')
  }
  await change('a guess', 'battery staple')
  await alert(page, 'Wrong password')
  await change(secret, 'short')
  await alert(page, 'at least 8 characters')
  await change(secret, 'battery staple')
  await page.getByRole('status').getByText('The password is changed').waitFor()
  assert.equal(await listed(page), 1)
  await other.page.reload()
  await heading(other.page, 'Sign in')
  await fill(other.page, 'Sign in', email, secret)
  await alert(other.page, 'Wrong e-mail address or password')
  await fill(other.page, 'Sign in', email, 'battery staple')
  await heading(other.page, 'Your account')

  await press(page, 'Log out everywhere')
  await heading(page, 'Sign in')
  await press(other.page, 'Log out') // of a page that does not know
  await heading(other.page, 'Sign in')
  await other.page.goto(url)
  await heading(other.page, 'Sign in')
  await other.context.close()
  return context
}

steps['the form of a page that has lost its session; logging out two times'] = async () => {
  const context = await browser()
  const page = await signUp(context, 'stale@example.com')
  const [stale, ending] = [await open(context, '/password'), await open(context)]
  await press(page, 'Log out')
  await heading(page, 'Sign in')
  for (let i = 0; i < 2; i++) {
    await page.goBack()
    assert.doesNotMatch(await page.locator('body').textContent(), /stale@example/)
  }
  await stale.getByLabel('Password', { exact: true }).fill(secret)
  await stale.getByLabel('New password').fill('battery staple')
  await press(stale, 'Change it')
  await heading(stale, 'You are not signed in')
  await stale.getByText('Nothing was changed.').waitFor()
  await stale.getByRole('link', { name: 'Sign in' }).click()
  await fill(stale, 'Sign in', 'stale@example.com', secret)
  await heading(stale, 'Change the password') // where it was

  await press(ending, 'Log out')
  await heading(ending, 'Sign in')
  await stale.goto(url)
  await heading(stale, 'Sign in')
  const again = await context.request.post(url + '/logout', { headers: { accept: 'text/html' }, maxRedirects: 0 })
  assert.equal(again.status(), 303)
  return context
}

await run()
