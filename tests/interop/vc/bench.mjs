// How often per second of processor time a library does one thing to one document.

/** Runs `work` for `seconds` of processor time; gives runs and microseconds. */
export async function measure(work, seconds) {
  const first = await work();
  if(first?.verified === false) {
    throw new Error(`refused: ${first.why}`);
  }
  const limit = seconds * 1e6;
  const begin = process.cpuUsage();
  let runs = 0;
  let used = 0;
  while(used < limit) {
    for(let i = 0; i < 8; i++) {
      await work();
    }
    runs += 8;
    const {user, system} = process.cpuUsage(begin);
    used = user + system;
  }
  return {runs, micros: used};
}
