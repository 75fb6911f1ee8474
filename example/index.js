// Copies a command to the clipboard. Without this script the buttons are hidden.
const announcement = document.querySelector('[role=status]')

for (const button of document.querySelectorAll('button.copy')) {
  const code = button.closest('.command').querySelector('code')
  button.hidden = false
  button.addEventListener('click', async () => {
    let copied = true
    try {
      await navigator.clipboard.writeText(code.textContent)
    } catch { // no secure context, or not allowed
      getSelection().selectAllChildren(code)
      copied = document.execCommand('copy')
    }
    button.textContent = announcement.textContent = copied ? 'Copied' : 'Selected'
    setTimeout(() => {
      button.textContent = 'Copy'
      announcement.textContent = ''
    }, 2000)
  })
}
