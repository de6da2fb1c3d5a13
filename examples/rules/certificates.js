// Finds certificates that expire soon: in files, and those that servers show. Fails if there is one, so that a monitor sees it.
//
//   cla run certificates.js --stash days=21 --stash 'files=/etc/ssl/shop/*.pem' --stash 'servers=["example.com:443"]'
const fs = require("cla/fs");
const { $ } = require("cla/shell");

/** @type {{ days?: number, files?: string, servers?: string[] }} */
const { days = 21, files = "", servers = [] } = cla.stash();

/** The days until the end of a certificate: `notAfter=Dec 31 23:59:59 2026 GMT`. @param {string} enddate */
function daysLeft(enddate) {
  return Math.floor((Date.parse(enddate.replace("notAfter=", "")) - Date.now()) / 86_400_000);
}

const asked = [
  ...(files === "" ? [] : fs.glob(files)).map((name) => ({ name, command: $`openssl x509 -enddate -noout -in ${name}` })),
  ...servers.map((name) => {
    const shown = $`openssl s_client -connect ${name} -servername ${name.split(":")[0]}`.timeout("10s");
    return { name, command: shown.pipe($`openssl x509 -enddate -noout`) };
  }),
];
let soon = 0;
for (const { name, command } of asked) {
  const { ok, output, error } = command.nothrow();
  const left = ok ? daysLeft(output) : NaN;
  if (left >= days) continue;
  soon += 1;
  print(ok ? `${name}: ${left} days left` : `${name}: cannot be read: ${error.split("\n")[0]}`);
}
if (soon > 0) throw new Error(`${soon} of ${asked.length} certificates need somebody`);
print(`${asked.length} certificates are good for ${days} days`);
