// The steps over the pages of / and /session/, and those of the files below: url is the site, demo one with -dev, evil
// another site that serves no page of its own, expiring one whose sessions expire by a
// POST to /expire, refreshing one with refresh tokens in a cookie.
import assert from 'node:assert/strict'
import { browser, cookies, looks, profile, run, shot, signIn, signedIn, signedOut, sites, steps } from './browser.mjs'
import './keys.mjs'
import './sessions.mjs'

const { url, demo, evil, expiring, refreshing } = sites

steps['sign in, from the page that was asked for and back'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  const complaints = []
  page.on('console', m => m.type() === 'error' && complaints.push(m.text()))
  await page.goto(url + '/session/profile')
  await signedOut(page)
  assert.equal(new URL(page.url()).searchParams.get('next'), '/session/profile')
  await shot(page, '1-sign-in')

  await signIn(page, '', '')
  await page.getByText('Enter your e-mail address.').waitFor()
  assert.equal(await page.getByLabel('E-mail address').getAttribute('aria-invalid'), 'true')
  assert.match(await page.locator('#email-error').textContent(), /Enter your e-mail/)
  assert.equal(await page.getByLabel('E-mail address').getAttribute('aria-describedby'), 'email-error')
  await shot(page, '2-empty')

  await signIn(page, 'bob@example.com', 'wrong')
  await page.getByRole('alert').waitFor()
  assert.match(await page.getByRole('alert').textContent(), /do not match/)
  assert.equal(await page.getByLabel('E-mail address').inputValue(), 'bob@example.com')
  assert.equal(await page.getByLabel('Password').inputValue(), '')
  assert.deepEqual(await cookies(context), [])
  await shot(page, '3-refused')

  await signIn(page)
  await page.waitForURL(url + '/session/profile')
  assert.match(await page.locator('body').textContent(), /"email":"bob@example.com"/)
  assert.deepEqual(complaints.filter(c => !/40[0-9]|422/.test(c)), [], 'the policy allows the page what it needs')
  return context
}

steps['the cookie, as the browser keeps it'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await signIn(page, 'bob@example.com', 'secret', true)
  await signedIn(page)
  const [cookie, ...more] = await cookies(context)
  assert.equal(more.length, 0)
  assert.equal(cookie.name, '__Host-session')
  assert.equal(cookie.httpOnly, true)
  assert.equal(cookie.secure, true)
  assert.equal(cookie.sameSite, 'Lax')
  assert.equal(cookie.path, '/')
  assert.equal(cookie.domain, new URL(url).hostname)
  assert.ok(Math.abs(cookie.expires - Date.now() / 1000 - 604800) < 60)
  assert.doesNotMatch(await page.evaluate(() => document.cookie), /session/)
  return context
}

steps['a site cannot be reached through its login page'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  for (const next of ['https://evil.example/', '//evil.example/', '/\\evil.example', '/\t/evil.example', 'javascript:alert(1)']) {
    await page.goto(url + '/session/?next=' + encodeURIComponent(next))
    await signIn(page)
    await page.waitForURL(url + '/session/')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signedOut(page)
  }
  return context
}

steps['fixation: a cookie that was planted is worth nothing'] = async () => {
  const context = await browser()
  const planted = 'A'.repeat(43)
  await context.addCookies([{ name: '__Host-session', value: planted, url, secure: true, httpOnly: true, sameSite: 'Lax' }])
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await signIn(page)
  await signedIn(page)
  const [cookie] = await cookies(context)
  assert.notEqual(cookie.value, planted)
  const before = cookie.value
  // One's own session from before a login is dead after it.
  const again = await context.request.post(url + '/session/login', { data: { email: 'alice@example.com', password: 'secret' } })
  assert.equal(again.status(), 200)
  assert.notEqual((await cookies(context))[0].value, before)
  const thief = await browser()
  await thief.addCookies([{ name: '__Host-session', value: before, url, secure: true, httpOnly: true, sameSite: 'Lax' }])
  const theirs = await thief.newPage()
  await theirs.goto(url + '/session/')
  await signedOut(theirs)
  await thief.close()
  return context
}

steps['another site changes nothing'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await signIn(page)
  await signedIn(page)
  const [cookie] = await cookies(context)
  for (const path of ['/session/login', '/session/logout', '/session/end', '/session/end-others']) {
    await page.goto(evil) // a page of another site, with a form that aims at ours
    const [response] = await Promise.all([
      page.waitForResponse(r => r.url() === url + path),
      page.evaluate(action => {
        const form = document.createElement('form')
        form.method = 'post'
        form.action = action
        for (const [name, value] of [['email', 'alice@example.com'], ['password', 'secret']]) {
          const input = document.createElement('input')
          input.name = name
          input.value = value
          form.append(input)
        }
        document.body.append(form)
        form.submit()
      }, url + path)
    ])
    await page.waitForURL(url + path)
    assert.equal(response.status(), 403, path)
    assert.match(await page.locator('main').textContent(), /Forbidden/)
    assert.equal((await response.allHeaders())['set-cookie'], undefined, path)
  }
  assert.equal((await cookies(context))[0].value, cookie.value)
  await page.goto(url + '/session/')
  await signedIn(page)
  assert.match(await page.locator('header').textContent(), /bob@example.com/)
  return context
}

steps['sign out, and nothing private behind the back button'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await signIn(page)
  await signedIn(page)
  await page.goto(url + '/session/profile')
  await page.goto(url + '/session/')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await signedOut(page)
  await page.getByText('You are signed out.').waitFor()
  assert.deepEqual(await cookies(context), [])
  await shot(page, '6-signed-out')
  for (let i = 0; i < 3; i++) {
    await page.goBack()
    assert.doesNotMatch(await page.locator('body').textContent(), /bob@example\.com/, `${i + 1} back: ${page.url()}`)
  }
  return context
}

steps['sessions elsewhere: listed, ended one by one and all at once'] = async () => {
  const agents = ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1']
  const others = []
  for (const userAgent of agents) {
    const context = await browser({ userAgent })
    const page = await context.newPage()
    await page.goto(url + '/session/')
    await signIn(page, 'carol@example.com')
    await signedIn(page)
    others.push({ context, page })
  }
  const context = await browser()
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await signIn(page, 'carol@example.com')
  await signedIn(page)
  assert.equal(await page.getByRole('listitem').count(), 3)
  assert.match(await page.getByRole('listitem').filter({ hasText: 'This session' }).textContent(), /Chrome on Linux/)
  await shot(page, '4-sessions')

  const iphone = page.getByRole('listitem').filter({ hasText: 'Safari on iPhone' })
  await iphone.getByRole('button', { name: /^End the session of Safari on iPhone/ }).click()
  await page.getByText('The session was ended.').waitFor()
  assert.equal(await iphone.count(), 0)
  assert.equal(await profile(others[1].page), 401)
  assert.equal(await profile(others[0].page), 200)
  await others[1].page.reload()
  await signedOut(others[1].page)

  await page.getByRole('button', { name: 'End all other sessions' }).click()
  await page.getByText('All other sessions were ended.').waitFor()
  assert.equal(await page.getByRole('listitem').count(), 1)
  assert.equal(await profile(others[0].page), 401)
  assert.equal(await profile(page), 200)
  await shot(page, '5-alone')
  for (const o of others) await o.context.close()
  return context
}

steps['two tabs at once stay signed in'] = async () => {
  const context = await browser()
  const one = await context.newPage()
  await one.goto(url + '/session/')
  await signIn(one)
  await signedIn(one)
  const two = await context.newPage()
  await two.goto(url + '/session/')
  for (let i = 0; i < 5; i++) {
    await Promise.all([one.reload(), two.reload(), ...[one, two].map(p => profile(p))])
  }
  for (const page of [one, two]) {
    await signedIn(page)
    assert.equal(await profile(page), 200)
  }
  return context
}

steps['without JavaScript, in the dark, on a telephone, by keyboard'] = async () => {
  const context = await browser({ javaScriptEnabled: false, colorScheme: 'dark', viewport: { width: 360, height: 640 } })
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await page.locator('#email:focus').waitFor() // without a click
  await page.keyboard.type('alice@example.com')
  await page.keyboard.press('Tab')
  await page.keyboard.type('secret')
  await page.keyboard.press('Enter')
  await signedIn(page)
  await shot(page, '7-dark-telephone')
  return context
}

steps['a session that has ended: the page, without the cookie'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  await page.goto(url + '/session/')
  await signIn(page)
  await signedIn(page)
  await page.goto(url + '/session/profile') // without a policy that forbids scripts to fetch
  const elsewhere = await browser()
  await elsewhere.addCookies(await context.cookies(url))
  const logout = await elsewhere.request.post(url + '/session/logout')
  assert.equal(logout.status(), 200)
  await elsewhere.close()

  const [before] = await cookies(context)
  for (const path of ['/session/profile', '/session/']) {
    const status = await page.evaluate(async path => (await fetch(path)).status, path)
    assert.equal(status, path === '/session/' ? 200 : 401, path)
    assert.deepEqual(await cookies(context), [before], `a script's fetch of ${path} leaves the cookie`)
  }
  const response = await page.goto(url + '/session/')
  assert.equal(response.status(), 200)
  assert.equal(response.request().redirectedFrom(), null)
  await signedOut(page)
  assert.deepEqual(await cookies(context), [], 'the navigation cleared the cookie')

  // A page that requires a session clears a dead cookie, too.
  await context.addCookies([before])
  await page.goto(url + '/session/profile')
  await page.waitForURL(url + '/session/?next=%2Fsession%2Fprofile')
  assert.deepEqual(await cookies(context), [])
  await signIn(page)
  await page.waitForURL(url + '/session/profile')
  assert.equal((await cookies(context)).length, 1)
  return context
}

steps['an expired session under Optional: the page, without the cookie'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  const text = () => page.locator('body').textContent()
  const script = (path, method = 'GET') => page.evaluate(async o => (await fetch(o.path, o)).text(), { path, method })
  const kept = async () => (await context.cookies(expiring)).length
  await page.goto(expiring + '/')
  await script('/login', 'POST')
  await page.reload()
  assert.equal(await text(), 'alice')
  await script('/expire', 'POST')
  assert.equal(await script('/'), 'anonymous')
  assert.equal(await kept(), 1, "a script's fetch leaves the cookie")
  const response = await page.goto(expiring + '/')
  assert.equal(response.status(), 200)
  assert.equal(response.request().redirectedFrom(), null)
  assert.equal(await text(), 'anonymous')
  assert.equal(await kept(), 0, 'the navigation cleared the cookie')
  await script('/login', 'POST')
  assert.equal(await script('/'), 'alice')
  assert.equal(await kept(), 1)
  return context
}

steps['a refresh token in a cookie: two tabs, another site, sign out'] = async () => {
  const context = await browser()
  const [one, two] = [await context.newPage(), await context.newPage()]
  const shows = (page, text) => page.getByText(text, { exact: true }).waitFor()
  const script = (page, path) => page.evaluate(async path => (await fetch(path, { method: 'POST' })).status, path)
  const cookie = async () => (await context.cookies(refreshing)).find(c => c.name === '__Host-refresh')
  await one.goto(refreshing + '/')
  await shows(one, 'signed out')
  await one.getByRole('button', { name: 'Sign in' }).click()
  await shows(one, 'user 1')
  const first = await cookie()
  assert.deepEqual([first.httpOnly, first.secure, first.sameSite, first.path], [true, true, 'Strict', '/'])
  assert.equal(await one.evaluate(() => document.cookie), '')
  await Promise.all([one, two].map(page => page.goto(refreshing + '/')))
  await Promise.all([one, two].map(page => shows(page, 'user 1')))
  for (let i = 0; i < 5; i++) { // without the page's lock a late one may be 401: its successor is used, and nothing ends
    const late = (await Promise.all([one, two, one, two].map(page => script(page, '/refresh')))).filter(status => status !== 200)
    assert.ok(late.length < 4 && late.every(status => status === 401), late)
    assert.equal(await script(two, '/refresh'), 200)
  }
  const latest = await cookie()
  assert.notEqual(latest.value, first.value)

  const attacker = await context.newPage()
  await attacker.goto(evil)
  for (const path of ['/refresh', '/logout']) {
    await attacker.evaluate(u => fetch(u, { method: 'POST', mode: 'no-cors', credentials: 'include' }), refreshing + path)
    const [answer] = await Promise.all([attacker.waitForNavigation(), attacker.evaluate(u => {
      const form = document.body.appendChild(document.createElement('form'))
      Object.assign(form, { method: 'POST', action: u }).submit()
    }, refreshing + path)])
    assert.equal(answer.status(), 403)
    await attacker.goto(evil)
  }
  assert.deepEqual(await cookie(), latest, 'another site changed nothing')
  await two.reload()
  await shows(two, 'user 1')
  await two.getByRole('button', { name: 'Sign out' }).click()
  await shows(two, 'signed out')
  assert.equal(await cookie(), undefined)
  assert.equal(await script(one, '/refresh'), 401)
  return context
}

steps['copy a command'] = async () => {
  const context = await browser({ permissions: ['clipboard-read', 'clipboard-write'] })
  const page = await context.newPage()
  const complaints = []
  page.on('console', m => m.type() === 'error' && complaints.push(m.text()))
  await page.clock.install()
  await page.goto(url + '/')
  await page.clock.pauseAt(Date.now() + 60000)
  const buttons = await page.getByRole('button', { name: /^Copy the command/ }).all()
  const commands = await page.locator('pre').allTextContents()
  assert.equal(buttons.length, commands.length)
  for (const [i, button] of buttons.entries()) {
    await button.click()
    await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), commands[i])
  }
  assert.equal(await page.getByText('Copied', { exact: true }).count(), 2, 'the button and the announcement')
  await page.clock.runFor(2000)
  assert.equal(await page.getByText('Copied', { exact: true }).count(), 0)
  // Where the clipboard is withheld, as on plain http, the selection is copied.
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }))
  await buttons[2].click()
  assert.equal(await page.evaluate(() => getSelection().toString()), commands[2])
  await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
  assert.deepEqual(complaints, [], 'the policy allows the script')
  return context
}

steps['back to the sections, and no demo users'] = async () => {
  const context = await browser()
  const page = await context.newPage()
  await page.goto(url + '/session/')
  assert.equal(await page.getByText('Demo users').count(), 0)
  await page.getByRole('link', { name: 'All sections' }).click()
  await page.waitForURL(url + '/')
  await page.getByRole('link', { name: 'Sign in on a page' }).click()
  await signIn(page)
  await signedIn(page)
  await page.getByRole('link', { name: 'All sections' }).click()
  await page.waitForURL(url + '/')
  return context
}

for (const [colorScheme, width] of looks) {
  steps[`the pages of a demonstration, ${colorScheme}, ${width} px wide`] = async () => {
    const context = await browser({ colorScheme, viewport: { width, height: 800 } })
    const page = await context.newPage()
    await page.goto(demo + '/')
    assert.ok(await page.getByRole('button', { name: /^Copy the command/ }).count() > 20)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page scrolls sideways')
    await shot(page, `9-index-${colorScheme}-${width}`)
    await page.getByRole('link', { name: 'Sign in on a page' }).click()
    await page.getByRole('heading', { name: 'Demo users' }).waitFor()
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page scrolls sideways')
    await shot(page, `9-sign-in-${colorScheme}-${width}`)
    await signIn(page)
    await signedIn(page)
    assert.equal(await page.getByText('Demo users').count(), 0)
    await shot(page, `9-account-${colorScheme}-${width}`)
    await page.goto(demo + '/') // over plain http, as one tries it
    await page.getByRole('button', { name: /^Copy the command of .apikey that succeeds/ }).click()
    await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
    return context
  }
  steps[`the index, ${colorScheme}, ${width} px wide`] = async () => {
    const context = await browser({ javaScriptEnabled: false, colorScheme, viewport: { width, height: 800 } })
    const page = await context.newPage()
    const complaints = []
    page.on('console', m => m.type() === 'error' && complaints.push(m.text()))
    const response = await page.goto(url + '/')
    assert.equal(response.status(), 200)
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1)
    assert.equal(await page.getByRole('listitem').count() + 1, await page.getByRole('heading', { level: 2 }).count())
    assert.equal(await page.getByRole('button').count(), 0) // they need the script
    await shot(page, `8-index-${colorScheme}-${width}`)
    assert.ok((await page.locator('body').boundingBox()).width <= width)
    for (const pre of await page.locator('pre').all()) {
      const box = await pre.boundingBox()
      assert.ok(box.x >= 0 && box.x + box.width <= width, 'a command is cut off')
    }
    await page.keyboard.press('Tab') // the first link, to a page that needs a sign-in
    await page.keyboard.press('Enter')
    await signedOut(page)
    assert.deepEqual(complaints, [], 'the policy allows the page what it needs')
    return context
  }
}

await run()
