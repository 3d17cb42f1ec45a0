'use strict';
const field = (id) => document.getElementById(id);
for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const source = field(button.dataset.copy);
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.value);
    } catch {
      source.select();
      copied = document.execCommand('copy');
    }
    if (copied) button.textContent = '복사했습니다 ✓ Copied';
  });
}
const image = field('image');
let file = null;
if (image && navigator.canShare) {
  fetch(image.src, { credentials: 'omit' }).then((answer) => answer.blob()).then((blob) => {
    file = new File([blob], 'event.' + (blob.type.split('/')[1] || 'jpg'), { type: blob.type });
  }).catch(() => {});
}
const share = field('share');
if (share && navigator.share) {
  share.hidden = false;
  share.addEventListener('click', () => {
    const data = { title: field('title').value, text: field('title').value + '\n\n' + field('text').value };
    if (file && navigator.canShare({ files: [file] })) data.files = [file];
    navigator.share(data).catch(() => {});
  });
}
