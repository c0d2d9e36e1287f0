// Pictures from the visitor: chosen, dropped, pasted, or taken with the camera.

const pictureOf = (transfer) =>
  Array.from((transfer && transfer.files) || []).find(
    (file) => /^image\//.test(file.type) || /\.(heic|heif|avif|tiff?|jxl)$/i.test(file.name),
  );

const inSight = (element) => element.isConnected && element.offsetParent !== null;

function takeUploads(view, input, take) {
  input.addEventListener("change", () => {
    if (input.files[0]) take(input.files[0]);
    input.value = "";
  });
  view.addEventListener("dragover", (event) => {
    if (!Array.from(event.dataTransfer.types).includes("Files")) return;
    event.preventDefault();
    view.classList.add("dropping");
  });
  view.addEventListener("dragleave", () => view.classList.remove("dropping"));
  view.addEventListener("drop", (event) => {
    view.classList.remove("dropping");
    const file = pictureOf(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    take(file);
  });
  document.addEventListener("paste", (event) => {
    if (!inSight(view) || /^(INPUT|TEXTAREA)$/.test(event.target.tagName || "")) return;
    const file = pictureOf(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}

const hasCamera = () =>
  Boolean(window.isSecureContext && navigator.mediaDevices && navigator.mediaDevices.getUserMedia);

// Opens `dialog` with the camera's picture; gives a PNG file, or null when it was closed.
async function takePhotograph(dialog, video, shutter) {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 4096 } },
  });
  video.srcObject = stream;
  dialog.showModal();
  try {
    await video.play();
    return await new Promise((done) => {
      dialog.onclose = () => done(null);
      shutter.onclick = () => {
        const still = document.createElement("canvas");
        still.width = video.videoWidth;
        still.height = video.videoHeight;
        still.getContext("2d").drawImage(video, 0, 0);
        still.toBlob((blob) => done(new File([blob], "camera.png", { type: "image/png" })));
      };
    });
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    if (dialog.open) dialog.close();
  }
}

function loadImage(url) {
  return new Promise((done, fail) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => fail(new Error("no picture"));
    image.src = url;
  });
}
