export async function release(version) {
  const host = await pick(version);
  return host.name.toUpperCase();
}

async function pick(version) {
  await null;
  return { version };
}
