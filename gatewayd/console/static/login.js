// The way in: one password, told to the gateway as JSON, because a form of another page cannot.

const form = document.querySelector("form");
const told = document.getElementById("told");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  told.textContent = "";
  try {
    const answer = await fetch("/api/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ password: form.password.value }),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    const { error } = await answer.json();
    const wait = answer.headers.get("Retry-After");
    told.textContent = wait ? `${error}; try again in ${wait} s` : error;
  } catch {
    told.textContent = "the gateway does not answer";
  }
  button.disabled = false;
  form.password.select();
});
