// Keeps the list of semaphores up to date.
const table = document.querySelector("#semaphores");

/** Shows the counts of one semaphore. */
function show({ semaphore, slots, busy, waiting }) {
  const rows = [...table.tBodies[0].rows];
  let row = rows.find((row) => row.dataset.semaphore === semaphore);
  if (!row) {
    row = table.tBodies[0].insertRow();
    row.dataset.semaphore = semaphore;
    for (let cell = 0; cell < 4; cell++) row.insertCell();
    row.cells[0].textContent = semaphore;
  }
  row.cells[1].textContent = slots;
  row.cells[2].textContent = busy;
  row.cells[3].textContent = waiting;
}

if (table) {
  const after = encodeURIComponent(table.dataset.after);
  const events = new EventSource(`/api/v1/events?coalesce=100&after=${after}`);
  events.addEventListener("changes", ({ data }) => JSON.parse(data).forEach(show));
  events.addEventListener("reset", () => location.reload());
}
