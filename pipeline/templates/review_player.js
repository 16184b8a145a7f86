// The player of one title: the video where the browser can decode it, else pictures that the server decodes. Whatever is
// shown is blurred and grey, and silent, until it is asked for; opening a title asks for nothing. Times are the player's,
// 0 where it starts; a browser starts a file whose own clock begins later at that time (origin_s).
function reviewPlayer(clock, onTime) {
  const video = make("video", { className: "screen", muted: true, playsInline: true, preload: "metadata", disablePictureInPicture: true, tabIndex: -1 });
  video.setAttribute("aria-label", "video");
  const pictures = make("div", { className: "pictures" });
  const notice = make("p", { className: "quiet", hidden: true });
  const stage = make("div", { className: "stage" }, video, notice, pictures);
  const veil = { blur: true, grey: true, muted: true };
  let playable = false, position = 0, title = null, length_s = 0, origin_s = 0, wanted = 0;

  const time = () => (playable ? video.currentTime - origin_s : position);
  function shown() {
    stage.classList.toggle("blur", veil.blur);
    stage.classList.toggle("grey", veil.grey);
    video.muted = veil.muted;
  }
  function seek(second) {
    position = Math.max(0, Math.min(second, Math.max(0, length_s - 0.001)));
    if (playable) video.currentTime = origin_s + position;
    onTime(position);
  }
  function noVideo(reason) {
    playable = false;
    video.hidden = true;
    notice.hidden = false;
    notice.textContent = reason;
    if (title && title.hasFile) showPictures(title.start_s, title.end_s);
  }
  async function load(id, seconds, hasFile, start_s, end_s) {
    title = { id, hasFile, start_s, end_s };
    length_s = seconds;
    playable = false;
    Object.assign(veil, { blur: true, grey: true, muted: true });
    shown();
    pictures.replaceChildren();
    notice.hidden = true;
    video.hidden = !hasFile;
    video.removeAttribute("src");
    video.load();
    position = start_s;
    if (hasFile) video.src = "/media/" + encodeURIComponent(id);
    else noVideo("The manifest names no video of this title.");
  }
  async function showPictures(start_s, end_s) {
    if (!title || !title.hasFile) return "There is no video to take pictures from.";
    const ticket = ++wanted;
    pictures.replaceChildren(make("p", { className: "quiet", textContent: "decoding pictures…" }));
    let answer;
    try {
      const response = await fetch(`/api/titles/${encodeURIComponent(title.id)}/pictures?start_s=${start_s}&end_s=${end_s}&count=12`);
      answer = await response.json();
    } catch (error) {
      answer = { error: "the server does not answer" };
    }
    if (ticket !== wanted) return "";
    const made = Object.entries(answer.pictures || {}).map(([second, jpeg]) => {
      const button = make("button", { type: "button", className: "picture" }, make("img", { src: "data:image/jpeg;base64," + jpeg, alt: "" }),
        make("span", { textContent: clock(Number(second)) }));
      button.setAttribute("aria-label", `Go to ${clock(Number(second))}`);
      button.addEventListener("click", () => seek(Number(second)));
      return button;
    });
    pictures.replaceChildren(...made, ...(answer.error ? [make("p", { className: "quiet", textContent: made.length ? answer.error : `No picture could be made: ${answer.error}` })] : []));
    return counted(made.length, "picture");
  }
  video.addEventListener("loadedmetadata", () => {
    if (!video.videoWidth) return noVideo("The browser cannot decode this video. Pictures of it:");
    playable = true;
    origin_s = video.currentTime;
    if (Number.isFinite(video.duration)) length_s = Math.max(length_s, video.duration - origin_s);
    seek(position);
  });
  video.addEventListener("error", () => video.getAttribute("src") && noVideo("The browser cannot play this video. Pictures of it:"));
  video.addEventListener("timeupdate", () => playable && onTime(time()));
  video.addEventListener("seeked", () => playable && onTime(time()));
  let frame = 0;
  const follow = () => {
    cancelAnimationFrame(frame);
    if (!playable || video.paused) return;
    onTime(time());
    frame = requestAnimationFrame(follow);
  };
  video.addEventListener("play", follow);

  return {
    stage, video, veil, load, seek, time, showPictures,
    stop() {
      title = null;
      video.pause();
      video.removeAttribute("src");
      video.load();
    },
    toggle(name) {
      veil[name] = !veil[name];
      shown();
      return veil[name];
    },
    async play() {
      if (!playable) return "There is no video that this browser can play.";
      if (!video.paused) {
        video.pause();
        return "paused";
      }
      await video.play();
      return "playing";
    },
  };
}
