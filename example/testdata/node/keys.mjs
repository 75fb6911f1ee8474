// The steps over the page of API keys, /apikey/, without JavaScript.
import assert from 'node:assert/strict'
import { browser, looks, shot, signIn, sites, steps } from './browser.mjs'

const { url } = sites

const emails = ['alice@example.com', 'bob@example.com', 'carol@example.com', 'alice@example.com']

for (const [i, [colorScheme, width]] of looks.entries()) {
  const email = emails[i]
  steps[`API keys: issued, used, changed, rotated, revoked, ${colorScheme}, ${width} px wide`] = async () => {
    const context = await browser({ javaScriptEnabled: false, colorScheme, viewport: { width, height: 800 } })
    const page = await context.newPage()
    const visited = []
    const complaints = []
    page.on('request', r => visited.push(r.url(), r.headers().referer ?? ''))
    page.on('console', m => m.type() === 'error' && complaints.push(m.text()))
    const picture = async name => {
      await shot(page, `10-keys-${name}-${colorScheme}-${width}`)
      assert.ok((await page.locator('main').boundingBox()).width <= width)
      for (const part of await page.locator('pre, code, input, button').all()) {
        const box = await part.boundingBox()
        if (box) assert.ok(box.x >= 0 && box.x + box.width <= width, 'a part is cut off')
      }
    }
    const keys = []
    const newKey = async () => {
      await page.getByText('it is not shown again').waitFor()
      keys.push(await page.locator('pre').textContent())
      return keys.at(-1)
    }
    const status = async key => (await context.request.get(url + '/apikey/protected', { headers: { 'X-API-Key': key } })).status()

    await page.goto(url + '/apikey/')
    await signIn(page, email)
    await page.waitForURL(url + '/apikey/')
    await picture('none')

    await page.getByLabel('Scopes').fill('posts:read ' + 's'.repeat(300))
    await page.getByLabel('Requests').fill('many')
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByText('Enter a name').waitFor()
    assert.match(await page.title(), /^Error: /)
    assert.equal(await page.getByLabel('Name', { exact: true }).getAttribute('aria-describedby'), 'name-error')
    assert.equal(await page.getByLabel('Requests').getAttribute('aria-describedby'), 'max_uses-error max_uses-hint')
    await page.getByLabel('Name', { exact: true }).fill('nightly export')
    await page.getByLabel('Requests').fill('1000')
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByText('One of these has 300 bytes').waitFor()
    await picture('mistake')
    await page.getByLabel('Scopes').fill('posts:read posts:write')
    await page.getByRole('button', { name: 'Create a key' }).click()
    const first = await newKey()
    assert.equal(await status(first), 200)
    await picture('issued')
    await page.getByRole('link', { name: 'Create another key' }).click()
    await page.getByLabel('Name', { exact: true }).fill('laptop-' + 'x'.repeat(90))
    await page.getByLabel('Last day').fill('')
    await page.getByRole('button', { name: 'Create a key' }).click()
    const laptop = await newKey()
    await page.goBack() // nothing of the key is behind the button
    assert.equal(await page.getByText(laptop).count(), 0)
    await page.goto(url + '/apikey/')
    await page.getByText('999 of 1000 requests left').waitFor()

    await page.getByRole('link', { name: 'nightly export' }).first().click()
    await page.getByLabel('Scopes').fill('')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('This is a limit of this key, and cannot be removed.').waitFor()
    await picture('limit')
    await page.getByLabel('Name', { exact: true }).fill('weekly export')
    await page.getByLabel('Scopes').fill('posts:read')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The changes are saved.').waitFor()
    await page.getByRole('button', { name: 'Replace the key' }).click()
    const second = await newKey()
    await picture('rotated')
    assert.deepEqual([await status(first), await status(second)], [200, 200])
    await page.getByLabel('Keep the previous key').uncheck()
    await page.getByRole('button', { name: 'Replace the key' }).click()
    const third = await newKey()
    assert.deepEqual([await status(first), await status(second), await status(third)], [401, 401, 200])
    await page.getByRole('button', { name: 'Revoke the key' }).click()
    await page.getByText('The key is revoked').waitFor()
    assert.equal(await status(third), 401)
    assert.equal(await status(laptop), 200)
    await picture('list')

    const secrets = keys.map(key => key.slice(-38))
    assert.deepEqual(visited.filter(v => secrets.some(s => v.includes(s))), [], 'no key is in a URL or a Referer')
    assert.deepEqual(complaints.filter(c => !/422/.test(c)), [], 'the policy allows the page what it needs')
    return context
  }
}
