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
const share = field('share');
let file = null;
if (share && navigator.share) {
  share.hidden = false;
  const whole = share.innerHTML;
  // Until the picture is here.
  if (image) share.textContent = '글만 공유 (사진은 따로 저장) Share the text alone; save the picture';
  if (image && navigator.canShare) {
    fetch(image.src, { credentials: 'omit' }).then((answer) => {
      if (!answer.ok) throw new Error(answer.status);
      return answer.blob();
    }).then((blob) => {
      const got = new File([blob], 'event.' + (blob.type.split('/')[1] || 'jpg'), { type: blob.type });
      if (!navigator.canShare({ files: [got] })) return;
      file = got;
      share.innerHTML = whole;
    }).catch(() => {});
  }
  share.addEventListener('click', () => {
    const text = field('post').value;
    const data = { title: text.split('\n')[0], text };
    if (file) data.files = [file];
    navigator.share(data).catch(() => {});
  });
}
