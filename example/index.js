// Copies a command to the clipboard. Without this script the buttons are hidden.
const announcement = document.querySelector('[role=status]')
let last, timer

function show (button, text) {
  button.textContent = text
  announcement.textContent = text === 'Copy' ? '' : text
}

async function copy (button) {
  const code = button.closest('.command').querySelector('code')
  let copied = true
  try {
    await navigator.clipboard.writeText(code.textContent)
  } catch { // no secure context, or not allowed
    getSelection().selectAllChildren(code)
    copied = document.execCommand('copy')
  }
  clearTimeout(timer)
  if (last) show(last, 'Copy')
  last = button
  show(button, copied ? 'Copied' : 'Selected')
  timer = setTimeout(show, 2000, button, 'Copy')
}

for (const button of document.querySelectorAll('button.copy')) {
  button.hidden = false
  button.addEventListener('click', () => copy(button))
}
