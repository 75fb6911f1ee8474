// What the scripts of this folder share that drive a browser. They read an object as
// their argument, with the addresses of sites, shots, a folder for screenshots or "",
// only, a part of the names of the steps to run, and executablePath, that of Chromium.
import { chromium } from 'playwright-core'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const sites = JSON.parse(process.argv[2])
const { url, shots, only, executablePath } = sites
const dirs = []
const opened = [] // browsers

// newProfile is an empty folder for a browser's profile, which run removes.
export function newProfile () {
  const dir = mkdtempSync(join(tmpdir(), 'guard-browser-'))
  dirs.push(dir)
  return dir
}

// browser is a Chromium with a new profile, or with that of the folder profileDir.
export async function browser (options = {}, profileDir = newProfile()) {
  const context = await chromium.launchPersistentContext(profileDir, {
    executablePath,
    headless: true,
    ignoreHTTPSErrors: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ...options
  })
  context.setDefaultTimeout(60000) // on a busy machine, too
  opened.push(context)
  return context
}

export async function signIn (page, email = 'bob@example.com', password = 'secret', keep = false) {
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByLabel('Keep me signed in').setChecked(keep)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

export const shot = (page, name) => shots && page.screenshot({ path: join(shots, name + '.png'), fullPage: true })
export const signedIn = page => page.getByRole('heading', { name: 'Your account' }).waitFor()
export const signedOut = page => page.getByRole('heading', { name: 'Sign in' }).waitFor()
export const profile = async page => (await page.context().request.get(url + '/session/profile')).status()
export const cookies = async context => (await context.cookies(url)).filter(c => c.name.endsWith('session'))

// steps are functions by name. Each returns a browser, which run closes.
export const steps = {}

// describe prints what the pages of a browser that is still open show, and closes it.
async function describe (context) {
  for (const page of context.pages()) {
    console.log(page.url() + '\n' + (await page.locator('body').innerText().catch(String)).slice(0, 2000))
  }
  await context.close().catch(() => {})
}

// run runs the steps, and exits 1 if one of them fails.
export async function run () {
  let failed = 0
  for (const [name, step] of Object.entries(steps)) {
    if (!name.includes(only)) continue
    opened.length = 0
    try {
      const context = await step()
      await context.close()
      console.log('ok   ' + name)
    } catch (error) {
      failed++
      console.log('FAIL ' + name + '\n' + error.stack)
      for (const context of opened) await describe(context)
    }
  }
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
  process.exit(failed ? 1 : 0)
}
