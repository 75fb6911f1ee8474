// Passkeys for the pages of this site: a module without dependencies.
//
//   <script type="module" src="/passkey/passkey.js"></script>
//
// It needs script-src 'self' and connect-src 'self' in the Content-Security-Policy, and
// binds itself to elements by the attribute data-passkey:
//
//   <input autocomplete="username webauthn">       autofill offers the passkeys of the device
//   <button data-passkey="sign-in" hidden>         signs in, then goes to data-next of
//                                                  <body>, "/passkey/" without one
//   <input type="checkbox" data-passkey="keep">    the browser keeps the session
//   <form data-passkey="register" hidden>          adds a passkey with the name of its field
//                                                  "name"; the button of the form sends it
//   <form data-passkey="rename" data-id="…">       and its field "name"
//   <form data-passkey="remove" data-id="…">
//   <section data-passkey="codes" hidden>          is shown with new recovery codes in its <code>,
//                                                  in place of data-passkey="before-codes"
//   <p role="alert" data-passkey="message" hidden> what went wrong, if the form has none of these
//   <… data-passkey="unsupported" hidden>          is shown in a browser without passkeys
//   <body data-public="https://…">                 is PUBLIC_URL, for the message at another address
//
// Elements that are hidden are shown where the browser has passkeys. After a registration, a
// new name and a removal the page goes to data-page of <body>, "/passkey/" without one, with
// ?notice=added, renamed or removed; with ?notice=confirm if the sign-in is too old.
//
// Pages that do it by themselves import supported, signIn, register, list, rename and remove. An
// error that they throw has a message for the person, or is an AbortError.

const seconds = 1000

/** supported is whether this browser has passkeys on this page. */
export const supported = typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === 'function'

/** A PasskeyError has a message for the person, and the status of the server's answer, or 0. */
export class PasskeyError extends Error {
  constructor (message, status = 0) {
    super(message)
    this.status = status
  }
}

async function call (method, path, body) {
  let answer
  try {
    answer = await fetch('/passkey/' + path, {
      method, body: body && JSON.stringify(body), headers: { Accept: 'application/json', 'Content-Type': 'application/json' }, cache: 'no-store'
    })
  } catch {
    throw new PasskeyError('The server cannot be reached. Nothing was changed: try again.')
  }
  const content = await answer.json().catch(() => ({}))
  if (answer.ok) return content
  const error = new PasskeyError(answer.status >= 500
    ? 'The server cannot answer at the moment. Try again in a minute.'
    : (content.message ?? 'The request was refused').replace(/\.?$/, '.'), answer.status)
  error.unknown = answer.headers.get('Passkey') === 'unknown'
  throw error
}

// words replaces an error of the browser by one for the person.
function words (error, otherwise) {
  switch (error.name) {
    case 'AbortError':
      return error
    case 'InvalidStateError':
      return new PasskeyError('This device has a passkey of your account already.')
    case 'SecurityError':
      return new PasskeyError('Passkeys do not work at this address. Open ' + (document.body.dataset.public ?? 'the main one') + '.')
  }
  return error instanceof PasskeyError ? error : new PasskeyError(otherwise)
}

/**
 * signIn signs in with a passkey. With mediation "conditional" it waits until the person picks
 * one in the autofill of an input.
 */
export async function signIn ({ mediation, signal, keep = false } = {}) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await call('POST', 'login/options'))
  const { rpId } = publicKey
  let credential
  try {
    credential = await navigator.credentials.get({ publicKey, mediation, signal })
  } catch (error) {
    throw words(error, 'No passkey was used. Try again, or sign in another way.')
  }
  try {
    await call('POST', 'login' + (keep ? '?keep=1' : ''), credential.toJSON())
  } catch (error) {
    if (error.status === 401) {
      error.message = error.unknown
        ? 'This passkey was removed from the account. Use another one, or sign in another way.'
        : 'This passkey is not accepted. Try again, or sign in another way.'
    }
    if (error.unknown) await PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId: credential.id }).catch(() => {})
    throw error
  }
  await list().catch(() => {})
}

/** register adds a passkey. The answer has recovery_codes with the first factor. */
export async function register (name) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await call('POST', 'register/options'))
  let credential
  try {
    credential = await navigator.credentials.create({ publicKey })
  } catch (error) {
    throw words(error, 'No passkey was added. Try again.')
  }
  return call('POST', 'register', { ...credential.toJSON(), name: name || undefined })
}

/** list returns the passkeys of the account, and has the browser hide those that are removed. */
export async function list () {
  const { credentials, accepted } = await call('GET', 'credentials')
  await PublicKeyCredential.signalAllAcceptedCredentials?.(accepted).catch(() => {})
  return credentials
}

export const rename = (id, name) => call('PATCH', 'credentials/' + encodeURIComponent(id), { name })

export async function remove (id) {
  await call('DELETE', 'credentials/' + encodeURIComponent(id))
  await list().catch(() => {})
}

// What follows binds the elements of a page.

const all = name => document.querySelectorAll(`[data-passkey="${name}"]`)
const page = document.body.dataset.page ?? '/passkey/'
const notice = name => location.assign(page + '?notice=' + name)
const signedIn = () => location.assign(document.body.dataset.next ?? '/passkey/')
const keep = () => all('keep')[0]?.checked ?? false

// show shows a message in place, and announces it.
function show (element, text) {
  const message = element?.querySelector('[data-passkey="message"]') ?? document.querySelector('[data-passkey="message"]')
  if (!message) return
  message.hidden = !text
  message.textContent = text
}

// mark marks the field of a form as the place of a mistake, or as right.
function mark (form, wrong) {
  const field = form.querySelector('input[name=name]')
  field?.toggleAttribute('aria-invalid', false)
  if (!wrong || !field) return
  field.setAttribute('aria-invalid', 'true')
  field.focus()
}

// attempt runs an action of a button or form, once at a time.
async function attempt (element, action) {
  const buttons = element.matches('button') ? [element] : [...element.querySelectorAll('button')]
  if (buttons.some(b => b.disabled)) return
  show(element, '')
  mark(element, false)
  buttons.forEach(b => { b.disabled = true })
  try {
    await action()
  } catch (error) {
    if (error.status === 401 && !element.matches('[data-passkey="sign-in"]')) return notice('confirm')
    if (error.status === 404) return notice('gone')
    if (error.name !== 'AbortError') show(element, error.message)
    mark(element, error.status === 422)
  } finally {
    buttons.forEach(b => { b.disabled = false })
  }
}

let waiting // the autofill's AbortController
let refusals = 0 // of passkeys from autofill

// autofill waits for a passkey in the autofill of an input. A challenge lives five minutes: it
// is renewed before. The passkey of a button takes its place meanwhile. After five passkeys
// that are refused the button is left: a device that answers by itself would go on for ever.
async function autofill () {
  if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return
  while (refusals < 5) {
    if (document.hidden) await new Promise(resolve => document.addEventListener('visibilitychange', resolve, { once: true }))
    const abort = waiting = new AbortController()
    const renewal = setTimeout(() => abort.abort(), 240 * seconds)
    try {
      await signIn({ mediation: 'conditional', signal: abort.signal, keep: keep() })
      return signedIn()
    } catch (error) {
      if (error.status === 401) {
        refusals++
        show(null, error.message)
      } else if (error.name !== 'AbortError') return // it would fail at once again; the button says why
    } finally {
      clearTimeout(renewal)
    }
    if (waiting !== abort) return
  }
}

function bind () {
  if (!supported) {
    all('unsupported').forEach(e => { e.hidden = false })
    return
  }
  const inputs = document.querySelectorAll('input[autocomplete~="webauthn"]')
  all('sign-in').forEach(button => {
    button.hidden = false
    button.addEventListener('click', () => attempt(button, async () => {
      const before = waiting
      waiting = null
      before?.abort()
      try {
        await signIn({ keep: keep() })
      } catch (error) {
        if (inputs.length) autofill()
        throw error
      }
      signedIn()
    }))
  })
  const forms = (name, action) => all(name).forEach(form => {
    form.hidden = false
    form.addEventListener('submit', event => {
      event.preventDefault()
      attempt(form, () => action(form))
    })
  })
  forms('register', async form => {
    const { recovery_codes: codes } = await register(form.elements.name?.value.trim())
    if (!codes) return notice('added')
    for (const section of all('codes')) {
      section.querySelector('code').textContent = codes.join('\n')
      section.hidden = false
      document.querySelectorAll('[data-passkey="before-codes"]').forEach(e => { e.hidden = true })
      section.querySelector('h2')?.focus()
    }
  })
  forms('rename', async form => {
    await rename(form.dataset.id, form.elements.name.value.trim())
    notice('renamed')
  })
  forms('remove', async form => {
    await remove(form.dataset.id)
    notice('removed')
  })
  if (inputs.length) autofill()
}

bind()
