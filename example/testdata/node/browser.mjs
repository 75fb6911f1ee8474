// What the scripts of this folder share that drive a browser. They read an object as
// their argument, with the addresses of sites, shots, a folder for screenshots or "",
// only, a part of the names of the steps to run, and executablePath, that of Chromium.
import { chromium } from 'playwright-core'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const sites = JSON.parse(process.argv[2])
const { url, shots, only, executablePath } = sites

// looks are the color schemes and widths that pages are shown in: each of them one time, or
// all pairs, for screenshots or with GUARD_HARDEN=1.
export const looks = [['light', 1280], ['dark', 390], ['dark', 1280], ['light', 390]]
if (!shots && process.env.GUARD_HARDEN !== '1') looks.length = 2

const dirs = []
const opened = [] // browsers

// newProfile is an empty folder for a browser's profile, which run removes.
export function newProfile () {
  const dir = mkdtempSync(join(tmpdir(), 'guard-browser-'))
  dirs.push(dir)
  return dir
}

const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync']
const timeout = 120000 // for a start of Chromium or what a page does, on a busy machine, too
let shared // the one Chromium of all steps that need no profile on disk

// browser is a new profile in memory, of a Chromium that the steps share. With profileDir it is
// a Chromium of its own with the profile of that folder, as before a restart and after it.
export async function browser (options = {}, profileDir = undefined) {
  options = { ignoreHTTPSErrors: true, ...options }
  let context
  if (profileDir) {
    context = await chromium.launchPersistentContext(profileDir, { executablePath, headless: true, args, timeout, ...options })
  } else {
    shared ??= chromium.launch({ executablePath, headless: true, args, timeout })
    context = await (await shared).newContext(options)
  }
  context.setDefaultTimeout(timeout)
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

// run runs the steps, one after the other or all at once, and exits 1 if one of them fails.
export async function run ({ atOnce = false } = {}) {
  let failed = 0
  const one = async ([name, step]) => {
    if (!atOnce) opened.length = 0
    try {
      const context = await step()
      await context.close()
      console.log('ok   ' + name)
    } catch (error) {
      failed++
      console.log('FAIL ' + name + '\n' + error.stack)
      if (!atOnce) for (const context of opened.splice(0)) await describe(context)
    }
  }
  const chosen = Object.entries(steps).filter(([name]) => name.includes(only))
  if (atOnce) await Promise.all(chosen.map(one))
  else for (const step of chosen) await one(step)
  if (atOnce && failed) for (const context of opened) await describe(context)
  if (shared) await (await shared).close()
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }) // processes of a closed Chromium may still write
  process.exit(failed ? 1 : 0)
}
