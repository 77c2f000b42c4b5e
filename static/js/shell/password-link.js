// The secret of a link for a new password goes from the address into its field, and out of the browser's history.
const field = document.getElementById("code");
if (location.hash.length > 1) {
  field.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}
