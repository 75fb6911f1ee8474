// The steps that could end where a person is stuck, on the page of /session/. On the
// site with -dev the cookie has no __Host- prefix, so that others can be planted.
import assert from 'node:assert/strict'
import { browser, cookies, looks, newProfile, profile, shot, signIn, signedIn, signedOut, sites, steps } from './browser.mjs'

const { url, demo } = sites

async function pageOf (context, user, keep, site = url) {
  const page = await context.newPage()
  await page.goto(site + '/session/')
  await signIn(page, user + '@example.com', 'secret', keep)
  await signedIn(page)
  return page
}

const user = async page => (await page.locator('header').textContent()).match(/(\w+)@example\.com/)[1]

for (const [colorScheme, width] of looks) {
  steps[`a wrong password, and an expired form, ${colorScheme}, ${width} px wide`] = async () => {
    const context = await browser({ colorScheme, viewport: { width, height: 800 } })
    const page = await context.newPage()
    await page.goto(url + '/session/')
    await signIn(page, 'bob@example.com', 'guess', true)
    await page.getByRole('alert').getByText('do not match').waitFor()
    assert.equal(await page.getByLabel('E-mail address').inputValue(), 'bob@example.com')
    assert.equal(await page.getByLabel('Password').inputValue(), '')
    assert.ok(await page.getByLabel('Keep me signed in').isChecked())
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page scrolls sideways')
    await shot(page, `session-wrong-${colorScheme}-${width}`)
    await signIn(page)
    await signedIn(page)

    const other = await browser()
    await pageOf(other, 'bob')
    await other.close()
    await page.reload()
    await context.clearCookies() // as when it has expired
    await page.getByRole('button', { name: 'End all other sessions' }).click()
    await page.getByRole('heading', { name: 'You are not signed in' }).waitFor()
    assert.match(await page.locator('main').textContent(), /Nothing was changed/)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page scrolls sideways')
    await shot(page, `session-expired-${colorScheme}-${width}`)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await signIn(page)
    await signedIn(page)
    assert.ok(await page.getByRole('listitem').count() > 1, 'nothing was changed')
    await page.getByRole('button', { name: 'End all other sessions' }).click()
    await page.getByText('All other sessions were ended.').waitFor()
    return context
  }
}

steps['two tabs: sign out in one, go on in the other'] = async () => {
  const context = await browser()
  const [one, two] = [await pageOf(context, 'bob'), await context.newPage()]
  await two.goto(url + '/session/')
  await one.getByRole('button', { name: 'Sign out' }).click()
  await signedOut(one)
  await two.getByRole('button', { name: 'Sign out' }).click() // as if it were the first time
  await two.getByText('You are signed out.').waitFor()
  await signIn(two)
  await signedIn(two)
  await one.reload()
  await signedIn(one)
  return context
}

steps['two tabs: another user signs in, and the page of the first changes nothing'] = async () => {
  const context = await browser()
  const elsewhere = [await browser(), await browser()]
  const others = [await pageOf(elsewhere[0], 'alice'), await pageOf(elsewhere[1], 'carol')]
  const stale = [await pageOf(context, 'alice'), await context.newPage()]
  await stale[1].goto(url + '/session/')
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await signedOut(page)
  await signIn(page, 'carol@example.com')
  await signedIn(page)
  for (const [i, name] of [/^End the session/, 'End all other sessions'].entries()) {
    await stale[i].getByRole('button', { name }).first().click()
    await stale[i].getByText('Nothing was changed: another user has signed in here meanwhile.').waitFor()
    assert.equal(await user(stale[i]), 'carol')
  }
  for (const other of others) assert.equal(await profile(other), 200)
  await stale[0].getByRole('button', { name: 'End all other sessions' }).click()
  await stale[0].getByText('All other sessions were ended.').waitFor()
  assert.deepEqual([await profile(others[0]), await profile(others[1])], [200, 401])
  await stale[0].getByRole('button', { name: 'Sign out' }).click()
  await signedOut(stale[0])
  for (const e of elsewhere) await e.close()
  return context
}

steps['the back button after signing out: the form, and no dead end'] = async () => {
  const context = await browser()
  const page = await pageOf(context, 'bob')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await signedOut(page)
  await page.goBack()
  await signedOut(page)
  assert.doesNotMatch(await page.locator('body').textContent(), /bob@example\.com/)
  await signIn(page)
  await signedIn(page)
  return context
}

const plant = (context, value) => context.addCookies([{ name: 'session', value, domain: new URL(demo).hostname, path: '/session' }])

for (const keep of [true, false]) {
  steps[`a restart of the browser, ${keep ? 'with' : 'without'} "Keep me signed in"`] = async () => {
    const dir = newProfile()
    let context = await browser({}, dir)
    await pageOf(context, 'bob', keep)
    const [cookie] = await cookies(context)
    assert.equal(Math.round((cookie.expires - Date.now() / 1000) / 3600), keep ? 7 * 24 : Math.round((-1 - Date.now() / 1000) / 3600))
    await context.close()
    context = await browser({}, dir)
    assert.equal((await cookies(context)).length, keep ? 1 : 0)
    const page = await context.newPage()
    await page.goto(url + '/session/')
    await (keep ? signedIn : signedOut)(page)
    if (!keep) await signIn(page)
    await signedIn(page)
    return context
  }
}

steps['a planted second cookie: no dead end'] = async () => {
  const attacker = await browser()
  await pageOf(attacker, 'carol', false, demo)
  const [stolen] = await attacker.cookies(demo)
  for (const value of ['x', 'A'.repeat(43), stolen.value]) {
    const context = await browser()
    const sent = async () => (await context.cookies(demo + '/session/')).filter(c => c.name === 'session').length
    await plant(context, value)
    let page = await context.newPage()
    if (value === stolen.value) { // the person sees whose account it is
      await page.goto(demo + '/session/')
      assert.equal(await user(page), 'carol')
      await page.getByRole('button', { name: 'Sign out' }).click()
      await signedOut(page)
    }
    page = await pageOf(context, 'bob', false, demo)
    assert.equal(await user(page), 'bob', 'the login ended all that were presented')
    assert.equal(await sent(), 2)
    await page.reload()
    assert.equal(await user(page), 'bob')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out.').waitFor()
    await page.goto(demo + '/session/profile')
    await signedOut(page)
    page = await pageOf(context, 'alice', false, demo)
    assert.equal(await user(page), 'alice')
    await context.close()
  }

  // Of two users' live sessions the server cannot know which is meant: both end.
  const context = await browser()
  const page = await pageOf(context, 'bob', false, demo)
  await pageOf(attacker, 'carol', false, demo)
  const [live] = await attacker.cookies(demo)
  await plant(context, live.value)
  await page.reload()
  await signedOut(page)
  await signIn(page, 'alice@example.com')
  await signedIn(page)
  assert.equal(await user(page), 'alice')
  await attacker.close()
  return context
}
