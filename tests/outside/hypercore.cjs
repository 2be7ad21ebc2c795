// How long Hypercore (npm) takes to hand over as many entries as a ledger has, side by side with our own figure.
//
//   npm install hypercore && node hypercore.cjs 1000000 [bytes of an entry, 11]
//
// Two processes on this machine, a Hypercore on the disk of each, one TCP connection over loopback, everything asked for at
// once and in order. It is done once the second holds every entry and has closed its storage; the clock starts before the
// connection. `cargo bench -p annona-tests -- sync` runs the same of ours; `ANNONA_HYPERCORE=folder with node_modules` has
// it run this too, in the same run.
'use strict'
const { fork } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const Hypercore = require(require.resolve('hypercore', { paths: [process.cwd(), __dirname] }))

const GROUP = 1000

// An entry nobody can compress: a counter, scattered.
function entry (n, bytes) {
  const out = Buffer.alloc(bytes)
  for (let at = 0, x = (n * 2654435761) >>> 0; at < bytes; at++) {
    x = (Math.imul(x ^ (x >>> 13), 1274126177) + at) >>> 0
    out[at] = x & 255
  }
  return out
}

async function write (core, entries, bytes) {
  for (let from = 0; from < entries; from += GROUP) {
    const group = []
    for (let n = from; n < Math.min(from + GROUP, entries); n++) group.push(entry(n, bytes))
    await core.append(group)
  }
}

async function serve (place, entries, bytes) {
  const core = new Hypercore(path.join(place, 'writer'))
  await core.ready()
  await write(core, entries, bytes)
  const child = fork(__filename, ['--take', path.join(place, 'reader'), core.key.toString('hex'), String(entries)])
  const server = net.createServer((socket) => {
    const stream = core.replicate(false)
    socket.on('error', () => {})
    stream.on('error', () => {})
    socket.pipe(stream).pipe(socket)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  child.send(server.address().port)
  const took = await new Promise((resolve, reject) => {
    child.on('message', resolve)
    child.on('exit', (code) => reject(new Error(`the reader ended with ${code}`)))
  })
  server.close()
  return took
}

async function take (place, key, entries, port) {
  const core = new Hypercore(place, Buffer.from(key, 'hex'))
  await core.ready()
  const started = process.hrtime.bigint()
  const socket = net.connect(port, '127.0.0.1')
  const stream = core.replicate(true)
  socket.on('error', () => {})
  stream.on('error', () => {})
  socket.pipe(stream).pipe(socket)
  await core.download({ start: 0, end: entries, linear: true }).done()
  const held = core.contiguousLength
  await core.close()
  if (held < entries) throw new Error(`only ${held} came`)
  return Number(process.hrtime.bigint() - started) / 1e3
}

async function main () {
  const [first, ...rest] = process.argv.slice(2)
  if (first === '--take') {
    const [place, key, entries] = rest
    const port = await new Promise((resolve) => process.once('message', resolve))
    const took = await take(place, key, Number(entries), port)
    process.send(took, () => process.exit(0))
    return
  }
  const entries = Number(first || 100000)
  const bytes = Number(rest[0] || 11)
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'hypercore-'))
  try {
    const took = await serve(place, entries, bytes)
    const version = require(require.resolve('hypercore/package.json', { paths: [process.cwd(), __dirname] })).version
    // Microseconds first: the benchmark reads that word.
    console.log(`${Math.round(took)} us: ${entries} entries of ${bytes} bytes, hypercore ${version}, ${Math.round(entries / took * 1e6)} a second`)
  } finally {
    fs.rmSync(place, { recursive: true, force: true })
  }
}

main().then(() => process.exit(0), (why) => { console.error(why); process.exit(1) })
