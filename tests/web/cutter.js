// A proxy between the page and the daemon that cuts connections, and lets uploads through slowly.
import { createServer, connect } from 'node:net';

export class Cutter {
  cutAfter = Infinity;  // bytes of one connection towards the daemon, after which it is cut, once
  down = false;         // no connection gets through
  perSecond = Infinity;
  cuts = 0;

  static async start(daemon) {
    const cutter = new Cutter();
    cutter.sockets = new Set();
    cutter.server = createServer((socket) => cutter.#serve(socket, daemon.port));
    await new Promise((resolve) => cutter.server.listen(0, '127.0.0.1', resolve));
    cutter.port = cutter.server.address().port;
    cutter.url = `http://127.0.0.1:${cutter.port}`;
    return cutter;
  }

  #serve(socket, port) {
    if (this.down) return socket.destroy();
    const upstream = connect(port, '127.0.0.1');
    let bytes = 0;
    const end = () => (socket.destroy(), upstream.destroy());
    for (const s of [socket, upstream]) {
      this.sockets.add(s);
      s.on('error', end).on('close', () => (this.sockets.delete(s), end()));
    }
    upstream.pipe(socket);
    socket.on('data', (data) => {
      bytes += data.length;
      if (bytes > this.cutAfter) {
        this.cutAfter = Infinity;
        this.cuts++;
        this.down = true;
        this.cut();
        return;
      }
      upstream.write(data);
      if (Number.isFinite(this.perSecond) && data.length > 1000) {
        socket.pause();
        setTimeout(() => socket.resume(), 1000 * data.length / this.perSecond);
      }
    });
  }

  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  stop() {
    this.server.close();
    this.cut();
  }
}
