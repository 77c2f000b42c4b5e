// A worker counts a large account's people for the first time: the page is asked for anew until it has them.
const AGAIN_MS = 2000;

setTimeout(() => location.reload(), AGAIN_MS);
