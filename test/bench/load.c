// load.c - single-threaded epoll WebSocket load generator, no dependencies, loopback only
// gcc -O3 -march=native -o load load.c
// --lines FILE  one line a connection, "ROOM TOKEN EMAIL" ("-" for none): its room, its bearer token, its sender_email.
// --roam N      the three fields of a line are followed by N room ids: each message goes to a random one of them by its
//               room_id, and the stored frame that the sender alone gets back is its echo. Needs --lines.
// --app N       every connection is an app socket at /connection/websocket: it shows its token in `connect`, subscribes to its
//               room and to the N - 1 whose ids follow the three fields of its line, and sends by rpc `message.send`. Only
//               publications are deliveries; a sender's next message waits for its own one and for the reply. Needs --lines;
//               more than one room needs --idle.
// --url URL     may be given several times: the nodes of a cluster. Whoever sits in a room sits on different ones of them, in
//               turn; with --together all of a room sit on one, and the next room's on the next.
// --pids P,P    the server's processes, whose CPU and memory is reported, with all that they have started.
// --beside P    another process, with all that it has started, whose CPU is reported by itself; up to four times.
// --slow        one more socket in the first connection's room, of the same person, which stops reading when the measured
//               time begins. `slow_cut` tells whether the server has closed it.
// --client-id   every message carries a client_id of its own, in the form of a UUID.
// --rate        closed (each sender waits for its own echo) or messages a second in all (open loop: latency counts from
//               the intended send time). --idle S: connect, hold for S seconds, report memory. Prints one JSON line.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <getopt.h>
#include <dirent.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

enum { S_NONE, S_CONNECTING, S_HTTP, S_JOINING, S_READY, S_DEAD };

typedef struct conn {
  int fd, state, room, idx, mem, port;     // mem = member number in room
  char *rb; int rl, rc;
  char *wb; int wl, wc; int want_out;
  uint64_t seq;
  uint32_t *last;                          // last seq seen per sender slot
  char *tok, *mail;                        // from --lines
  int *own, to;                            // from --roam or --app: the other rooms, and where the last message went
  int mute, least;                         // --slow: nothing is counted, the smallest buffer
  int joined;                              // --app: replies to connect and subscribe
  uint64_t echoed, acked, done;            // own messages: that came back, were acknowledged (--app), both
} conn;

static int quickack = 0, roam = 0, clientid = 0, app = 0; static int rooms = 100, members = 2, senders = -1, window = 1, roombase = 1, tsize = 100, conc = 64;
static double rate = 0, duration = 8, warmup = 2, drain = 2, hold = -1;
static FILE *lines = NULL;
static uint64_t salt;
static char host[64] = "127.0.0.1", path[512] = "/ws/room/{room}/messages";
static int ports[16] = { 8000 }, nports = 0, together = 0, slow = 0;
static int pids[64], npids = 0, beside[4], nbeside = 0;
static conn *C; static int N;
static int ep;
static uint64_t hs_fail = 0, errs = 0, closed_unexp = 0, sent = 0, recvd = 0, dup_ooo = 0, badframe = 0, srv_err = 0, told = 0;
static uint64_t accepted_all = 0;
static uint64_t w_sent = 0, w_acc = 0, w_del = 0, w_bytes = 0;
static uint64_t t_start = 0, t_end = 0, t_last = 0;
static int running = 0, nready = 0, inprog = 0;
static uint32_t maskseed = 0x9e3779b9;

static inline uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec; }

// ---- log-linear histogram, ~1.6% resolution
#define HB 64
typedef struct { uint64_t c[64 * HB]; uint64_t n, max; } hist;
static hist h_own, h_peer;
static inline void hadd(hist *h, uint64_t v) {
  int e = 0; uint64_t x = v; if (x >= HB) { e = 63 - __builtin_clzll(x) - 5; x >>= e; } // x in [32..63] for e>0
  int i = e * HB + (int)x; h->c[i]++; h->n++; if (v > h->max) h->max = v;
}
static double hq(hist *h, double q) {
  if (!h->n) return 0; uint64_t t = (uint64_t)(q * h->n), s = 0; if (t >= h->n) t = h->n - 1;
  for (int i = 0; i < 64 * HB; i++) { s += h->c[i]; if (s > t) { int e = i / HB; uint64_t x = i % HB; double v = ((double)x + 0.5) * (double)(1ull << e); if (v > h->max) v = h->max; return v / 1e6; } }
  return h->max / 1e6;
}

// ---- /proc accounting
typedef struct { double cpu; long rss, hwm; int np; } pstat;
static long tck;
static int readstat(int pid, double *cpu, int *ppid) {
  char f[64], b[1024]; snprintf(f, 64, "/proc/%d/stat", pid); int fd = open(f, O_RDONLY); if (fd < 0) return -1;
  int n = read(fd, b, 1023); close(fd); if (n <= 0) return -1; b[n] = 0; char *p = strrchr(b, ')'); if (!p) return -1;
  char st; int pp; unsigned long ut, stt; long cu, cs;
  if (sscanf(p + 2, "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &st, &pp, &ut, &stt, &cu, &cs) != 6) return -1;
  *cpu = (double)(ut + stt + cu + cs) / tck; /* incl. reaped children (postmaster) */ *ppid = pp; return 0;
}
static void readmem(int pid, long *rss, long *hwm) {
  char f[64], b[256]; snprintf(f, 64, "/proc/%d/status", pid); FILE *s = fopen(f, "r"); if (!s) return;
  while (fgets(b, 256, s)) { long v; if (sscanf(b, "VmRSS: %ld", &v) == 1) *rss += v; else if (sscanf(b, "VmHWM: %ld", &v) == 1) *hwm += v; }
  fclose(s);
}
static long pss_of(int pid) { char f[64], b[256]; long v = 0; snprintf(f, 64, "/proc/%d/smaps_rollup", pid); FILE *s = fopen(f, "r"); if (!s) return 0; while (fgets(b, 256, s)) if (sscanf(b, "Pss: %ld", &v) == 1) break; fclose(s); return v; }
static long g_pss;
static pstat tree(const int *pids, int npids, int wantmem) { // pids given + all their descendants
  pstat r = {0}; static int all[8192], par[8192]; static double cp[8192]; int n = 0; g_pss = 0;
  if (!npids) return r;
  DIR *d = opendir("/proc"); struct dirent *de;
  while ((de = readdir(d)) && n < 8192) { int p = atoi(de->d_name); if (p <= 0) continue; double c; int pp; if (readstat(p, &c, &pp)) continue; all[n] = p; par[n] = pp; cp[n] = c; n++; }
  closedir(d);
  static char in[8192]; memset(in, 0, sizeof in); int ch = 1;
  for (int i = 0; i < n; i++) for (int k = 0; k < npids; k++) if (all[i] == pids[k]) in[i] = 1;
  while (ch) { ch = 0; for (int i = 0; i < n; i++) if (!in[i]) for (int j = 0; j < n; j++) if (in[j] && all[j] == par[i]) { in[i] = 1; ch = 1; break; } }
  for (int i = 0; i < n; i++) if (in[i]) { r.cpu += cp[i]; r.np++; if (wantmem) { readmem(all[i], &r.rss, &r.hwm); g_pss += pss_of(all[i]); } }
  return r;
}
static void besides(double *cpu) { for (int i = 0; i < nbeside; i++) cpu[i] = tree(&beside[i], 1, 0).cpu; }
typedef struct { double u[8], tot; } cpul;
static void readcpu(cpul *o) { // per-core lines
  FILE *f = fopen("/proc/stat", "r"); char b[512]; 
  while (fgets(b, 512, f)) { int c; unsigned long long v[8]; if (sscanf(b, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &c, v, v+1, v+2, v+3, v+4, v+5, v+6, v+7) == 9 && b[3] != ' ' && c < 2) { o[c].tot = 0; for (int i = 0; i < 8; i++) { o[c].u[i] = v[i]; o[c].tot += v[i]; } } }
  fclose(f);
}

// ---- sending
static void ev_mod(conn *c, int out) { if (c->want_out == out) return; c->want_out = out; struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c }; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); }
static void die(conn *c) { if (c->state == S_DEAD) return; if (c->state == S_READY) nready--; else { hs_fail++; inprog--; } c->state = S_DEAD; close(c->fd); c->fd = -1; }
static void wr(conn *c, const char *b, int n) {
  if (c->state == S_DEAD) return;
  if (c->wl == 0) { int r = send(c->fd, b, n, MSG_NOSIGNAL); if (r == n) return; if (r < 0) { if (errno != EAGAIN) { errs++; die(c); return; } r = 0; } b += r; n -= r; }
  if (c->wl + n > c->wc) { c->wc = (c->wl + n) * 2; c->wb = realloc(c->wb, c->wc); }
  memcpy(c->wb + c->wl, b, n); c->wl += n; ev_mod(c, 1);
}
static void wsframe(conn *c, int op, const char *p, int n) {
  char f[8192]; int h; f[0] = 0x80 | op;
  if (n < 126) { f[1] = 0x80 | n; h = 2; } else { f[1] = 0x80 | 126; f[2] = n >> 8; f[3] = n & 255; h = 4; }
  maskseed = maskseed * 1664525u + 1013904223u; uint32_t m = maskseed | 1; memcpy(f + h, &m, 4); h += 4;
  char *d = f + h; int i = 0; uint64_t mm = (uint64_t)m | ((uint64_t)m << 32);
  for (; i + 8 <= n; i += 8) { uint64_t x; memcpy(&x, p + i, 8); x ^= mm; memcpy(d + i, &x, 8); }
  for (; i < n; i++) d[i] = p[i] ^ ((char *)&m)[i & 3];
  wr(c, f, h + n);
}
static char pad[4096];
static inline char *putu(char *p, uint64_t v) { char t[24]; int n = 0; do { t[n++] = '0' + v % 10; v /= 10; } while (v); while (n) *p++ = t[--n]; return p; }
static inline char *puts_(char *p, const char *s) { int n = strlen(s); memcpy(p, s, n); return p + n; }
static char *mktext(char *p, conn *c, uint64_t ts) { char *s = p; *p++ = '@'; *p++ = '@'; p = putu(p, c->idx); *p++ = '.'; p = putu(p, c->seq); *p++ = '.'; p = putu(p, ts); *p++ = '@'; *p++ = '@'; int n = tsize - (p - s); if (n > 0) { memcpy(p, pad, n); p += n; } return p; }
static char *puthex(char *p, uint64_t v, int digits) { for (int i = digits - 1; i >= 0; i--) { p[i] = "0123456789abcdef"[v & 15]; v >>= 4; } return p + digits; }
// like a UUIDv7: the start of the run in milliseconds, the connection, the message
static char *putid(char *p, conn *c) { p = puts_(p, ",\"client_id\":\""); p = puthex(p, salt >> 16, 8); *p++ = '-'; p = puthex(p, salt, 4); p = puts_(p, "-7000-8"); p = puthex(p, c->idx >> 8, 3); *p++ = '-'; p = puthex(p, c->idx, 2); p = puthex(p, c->seq, 10); *p++ = '"'; return p; }
static uint32_t rnd(void) { static uint64_t x = 88172645463325252ull; x ^= x << 13; x ^= x >> 7; x ^= x << 17; return x >> 32; }
static void sendmsg_(conn *c, uint64_t ts) {
  char b[6000], *p = b; c->seq++; sent++; if (ts >= t_start && ts < t_end) w_sent++;
  if (app) {
    p = puts_(p, "{\"id\":"); p = putu(p, app + 1 + c->seq); p = puts_(p, ",\"rpc\":{\"method\":\"message.send\",\"data\":{\"roomId\":"); p = putu(p, c->room);
    p = puts_(p, ",\"text\":\""); p = mktext(p, c, ts); p = puts_(p, "\"}}}"); wsframe(c, 1, b, p - b); return;
  }
  p = puts_(p, "{\"message\":\""); p = mktext(p, c, ts); *p++ = '"';
  if (!lines) { p = puts_(p, ",\"sender_email\":\"user"); p = putu(p, c->mem % 1000); p = puts_(p, "@example.com\",\"room_id\":"); p = putu(p, c->room); }
  else if (c->mail) { p = puts_(p, ",\"sender_email\":\""); p = puts_(p, c->mail); *p++ = '"'; }
  if (roam) { c->to = c->own[rnd() % roam]; p = puts_(p, ",\"room_id\":"); p = putu(p, c->to); }
  if (clientid) p = putid(p, c);
  *p++ = '}';
  wsframe(c, 1, b, p - b);
}
static void ready(conn *c) { c->state = S_READY; nready++; inprog--; }

// ---- messages
static int has(const char *p, int n, const char *s) { return memmem(p, n, s, strlen(s)) != NULL; }
static int in_room(const char *p, int n, int room) { const char k[] = "\"room_id\":", *r = memmem(p, n, k, sizeof k - 1); return r && atoi(r + sizeof k - 1) == room; }
static void refused(const char *p, int n) { srv_err++; if (srv_err < 4) fprintf(stderr, "server said: %.*s\n", n > 300 ? 300 : n, p); }
// what a text says of itself: the sender's connection, its number there, when it was sent
static int readmark(const char *p, int n, uint64_t *a, uint64_t *s, uint64_t *ts) {
  const char *m = memmem(p, n, "@@", 2), *e = p + n; if (!m) return 0; m += 2; *a = *s = *ts = 0;
  while (m < e && *m != '.') *a = *a * 10 + (*m++ - '0'); m++;
  while (m < e && *m != '.') *s = *s * 10 + (*m++ - '0'); m++;
  while (m < e && *m != '@') *ts = *ts * 10 + (*m++ - '0');
  return 1;
}
// a message of this sender came back, or was acknowledged: where both are to be, the later one counts
static void settle(conn *c, int inw) {
  if (app && c->done == (c->echoed < c->acked ? c->echoed : c->acked)) return;
  c->done++; accepted_all++; if (inw) w_acc++; if (running && rate <= 0) sendmsg_(c, now_ns());
}
static void deliver(conn *c, const char *p, int n, uint64_t t) {
  uint64_t a, s, ts; if (!readmark(p, n, &a, &s, &ts)) { if (has(p, n, "rror")) refused(p, n); else badframe++; return; }
  if (a >= (uint64_t)N) { badframe++; return; }
  recvd++; t_last = t; conn *o = &C[a];
  if (o->room != c->room || (roam && (o != c || !in_room(p, n, c->to)))) { badframe++; return; }
  if (s <= c->last[o->mem]) dup_ooo++; else c->last[o->mem] = s;
  int inw = t >= t_start && t < t_end; uint64_t lat = t > ts ? t - ts : 0;
  if (inw) { w_del++; w_bytes += n; hadd(o == c ? &h_own : &h_peer, lat); }
  if (o == c) { c->echoed++; settle(c, inw); }
}

// ---- app socket
static int begins(const char *p, int n, const char *s) { int l = strlen(s); return n >= l && !memcmp(p, s, l); }
static void say_connect(conn *c) {
  char b[4096], *p = puts_(b, "{\"id\":1,\"connect\":{\"token\":\""); c->state = S_JOINING;
  p = puts_(p, c->tok ? c->tok : ""); p = puts_(p, "\"}}"); wsframe(c, 1, b, p - b);
}
static void say_subscribe(conn *c) {
  char b[4096], *p = b;
  for (int i = 0; i < app; i++) { p = puts_(p, i ? "\n{\"id\":" : "{\"id\":"); p = putu(p, i + 2); p = puts_(p, ",\"subscribe\":{\"channel\":\"room:"); p = putu(p, i ? c->own[i - 1] : c->room); p = puts_(p, "\"}}"); }
  wsframe(c, 1, b, p - b);
}
static void on_reply(conn *c, const char *p, int n, uint64_t t) {
  char *e; uint64_t id = strtoull(p + 6, &e, 10), a, s, ts; int r = n - (e - p);
  if (c->state == S_JOINING && id == c->joined + 1 && begins(e, r, id == 1 ? ",\"connect\":{" : ",\"subscribe\":{")) { c->joined++; if (id == 1) say_subscribe(c); else if (c->joined == app + 1) ready(c); return; }
  if (c->state != S_READY || !begins(e, r, ",\"rpc\":{")) { refused(p, n); if (c->state == S_JOINING) die(c); return; }
  if (id != app + 2 + c->acked || !readmark(e, r, &a, &s, &ts) || a != c->idx || s != c->acked + 1) { badframe++; return; }
  c->acked++; t_last = t; settle(c, t >= t_start && t < t_end);
}
static void on_line(conn *c, const char *p, int n, uint64_t t) {
  static const char room[] = "{\"push\":{\"channel\":\"room:";
  if (begins(p, n, room)) {
    if (has(p, n, "\"type\":\"message.created\"")) { if (atoi(p + sizeof room - 1) == c->room) deliver(c, p, n, t); else badframe++; }
    else if (!has(p, n, ",\"pub\":{")) refused(p, n); // unsubscribed; what else is published is typing and receipts
  }
  else if (begins(p, n, "{\"push\":{\"channel\":\"user:")) told++;
  else if (begins(p, n, "{\"id\":")) on_reply(c, p, n, t);
  else if (n == 2 && begins(p, n, "{}")) wsframe(c, 1, "{}", 2);
  else if (n) refused(p, n);
}
static void on_lines(conn *c, const char *p, int n, uint64_t t) {
  while (n >= 0 && c->state != S_DEAD) { const char *e = n ? memchr(p, '\n', n) : NULL; int l = e ? e - p : n; on_line(c, p, l, t); p += l + 1; n -= l + 1; }
}
static void on_msg(conn *c, int op, const char *p, int n, uint64_t t) {
  if (c->mute && op != 9) return;
  if (op == 8) { return; }
  if (op == 9) { wsframe(c, 10, p, n); return; }
  if (op == 10) return;
  if (app) on_lines(c, p, n, t); else deliver(c, p, n, t);
}
static int parse(conn *c, char *b, int n, uint64_t t) { // returns bytes used
  int u = 0;
  if (c->state == S_HTTP) {
    char *e = memmem(b, n, "\r\n\r\n", 4); if (!e) return 0;
    if (n < 12 || memcmp(b + 9, "101", 3)) { srv_err++; if (srv_err < 4) fprintf(stderr, "upgrade refused: %.*s\n", n > 200 ? 200 : n, b); die(c); return n; }
    u = e + 4 - b; if (app) say_connect(c); else ready(c);
  }
  while (n - u >= 2) {
    unsigned char *f = (unsigned char *)b + u; uint64_t l = f[1] & 127; int h = 2;
    if (l == 126) { if (n - u < 4) break; l = f[2] << 8 | f[3]; h = 4; }
    else if (l == 127) { if (n - u < 10) break; l = 0; for (int i = 2; i < 10; i++) l = l << 8 | f[i]; h = 10; }
    if ((uint64_t)(n - u) < h + l) break;
    u += h + l; on_msg(c, f[0] & 15, (char *)f + h, l, t);
    if (c->state == S_DEAD) return n;
  }
  return u;
}
static char big[1 << 18];
static void on_read(conn *c, uint64_t t) {
  int off = c->rl; if (off) memcpy(big, c->rb, off);
  int r = recv(c->fd, big + off, sizeof big - off, 0);
  if (r == 0) { if (running || c->state == S_READY) closed_unexp++; die(c); return; }
  if (r < 0) { if (errno == EAGAIN || errno == EINTR) return; errs++; die(c); return; }
  if (quickack) { int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one); }
  int n = off + r, u = parse(c, big, n, t); if (c->state == S_DEAD) return;
  c->rl = n - u; if (c->rl) { if (c->rl > c->rc) { c->rc = c->rl * 2; c->rb = realloc(c->rb, c->rc); } memcpy(c->rb, big + u, c->rl); }
}
static void start_conn(conn *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); if (c->least) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof one);
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(c->port) }; inet_pton(AF_INET, host, &a.sin_addr);
  c->state = S_CONNECTING; inprog++;
  int r = connect(c->fd, (struct sockaddr *)&a, sizeof a); if (r < 0 && errno != EINPROGRESS) { errs++; die(c); return; }
  struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c }; c->want_out = 1; epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
}
static void upgrade(conn *c) {
  char p[512], *o = p; for (char *s = path; *s;) { if (!strncmp(s, "{room}", 6)) { o += sprintf(o, "%d", c->room); s += 6; } else if (!strncmp(s, "{mem}", 5)) { o += sprintf(o, "%d", c->mem); s += 5; } else *o++ = *s++; } *o = 0;
  char auth[2048] = ""; if (c->tok && !app) snprintf(auth, sizeof auth, "Authorization: Bearer %s\r\n", c->tok);
  char b[4096]; int n = snprintf(b, sizeof b, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://%s:%d\r\n%s\r\n", p, host, c->port, host, c->port, auth);
  c->state = S_HTTP; wr(c, b, n);
}
static int was_cut(int fd) { // by the server: then there is an end behind what was not read
  fcntl(fd, F_SETFL, 0); struct timeval patience = { 0, 300000 }; setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int r; while ((r = recv(fd, big, sizeof big, 0)) > 0); return r == 0 || errno != EAGAIN;
}
static void pump_ns(uint64_t ns) {
  static struct epoll_event ev[1024]; struct timespec ts = { ns / 1000000000ull, ns % 1000000000ull }; int n = epoll_pwait2(ep, ev, 1024, &ts, NULL);
  for (int i = 0; i < n; i++) { conn *c = ev[i].data.ptr; if (c->state == S_DEAD) continue;
    if (ev[i].events & EPOLLOUT) {
      if (c->state == S_CONNECTING) { int er = 0; socklen_t l = sizeof er; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &er, &l); if (er) { errs++; die(c); continue; } ev_mod(c, 0); upgrade(c); }
      else if (c->wl) { int r = send(c->fd, c->wb, c->wl, MSG_NOSIGNAL); if (r > 0) { memmove(c->wb, c->wb + r, c->wl - r); c->wl -= r; } else if (errno != EAGAIN) { errs++; die(c); continue; } if (!c->wl) ev_mod(c, 0); }
      else ev_mod(c, 0);
    }
    if (c->state != S_DEAD && (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) on_read(c, now_ns());
  }
}
static void pump(int ms) { pump_ns((uint64_t)ms * 1000000ull); }
static conn slowc; // its buffer is as small as can be, so that what it does not read is soon the server's to hold
static void open_slow(void) {
  slowc = C[0]; slowc.wb = slowc.rb = NULL; slowc.wl = slowc.wc = slowc.rl = slowc.rc = 0; slowc.mute = 1; slowc.least = 1;
  start_conn(&slowc); while (slowc.state != S_READY && slowc.state != S_DEAD) pump(20);
}
int main(int ac, char **av) {
  tck = sysconf(_SC_CLK_TCK); signal(SIGPIPE, SIG_IGN);
  static struct option o[] = { {"url", 1, 0, 'u'}, {"rooms", 1, 0, 'r'}, {"members", 1, 0, 'm'}, {"senders", 1, 0, 's'}, {"window", 1, 0, 'w'}, {"rate", 1, 0, 'x'}, {"duration", 1, 0, 'd'}, {"warmup", 1, 0, 'W'}, {"drain", 1, 0, 'D'}, {"size", 1, 0, 'z'}, {"pids", 1, 0, 'p'}, {"idle", 1, 0, 'i'}, {"room-base", 1, 0, 'b'}, {"conc", 1, 0, 'c'}, {"quickack", 0, 0, 'Q'}, {"lines", 1, 0, 'l'}, {"roam", 1, 0, 'R'}, {"client-id", 0, 0, 'I'}, {"app", 1, 0, 'A'}, {"together", 0, 0, 'T'}, {"beside", 1, 0, 'B'}, {"slow", 0, 0, 'S'}, {0} };
  int k; while ((k = getopt_long(ac, av, "", o, 0)) != -1) switch (k) {
    case 'u': { char *s = optarg; if (!strncmp(s, "ws://", 5)) s += 5; char *sl = strchr(s, '/'); char hp[128]; int l = sl ? sl - s : (int)strlen(s); memcpy(hp, s, l); hp[l] = 0; char *co = strchr(hp, ':'); if (co) { if (nports < 16) ports[nports++] = atoi(co + 1); *co = 0; } strcpy(host, hp); if (sl) snprintf(path, 512, "%s", sl); break; }
    case 'r': rooms = atoi(optarg); break; case 'm': members = atoi(optarg); break; case 's': senders = atoi(optarg); break; case 'w': window = atoi(optarg); break;
    case 'x': rate = strcmp(optarg, "closed") ? atof(optarg) : 0; break; case 'd': duration = atof(optarg); break; case 'W': warmup = atof(optarg); break; case 'D': drain = atof(optarg); break;
    case 'l': lines = fopen(optarg, "r"); if (!lines) { perror(optarg); return 2; } break;
    case 'R': roam = atoi(optarg); break; case 'I': clientid = 1; break; case 'A': app = atoi(optarg); break;
    case 'Q': quickack = 1; break; case 'z': tsize = atoi(optarg); break; case 'i': hold = atof(optarg); break; case 'b': roombase = atoi(optarg); break; case 'c': conc = atoi(optarg); break;
    case 'p': for (char *s = strtok(optarg, ","); s; s = strtok(0, ",")) if (npids < 64) pids[npids++] = atoi(s); break;
    case 'T': together = 1; break; case 'S': slow = 1; break; case 'B': if (nbeside < 4) beside[nbeside++] = atoi(optarg); break;
    default: return 2; }
  if (!nports) nports = 1;
  if (strncmp(host, "127.", 4)) { fprintf(stderr, "loopback only\n"); return 2; }
  if (roam && !lines) { fprintf(stderr, "--roam needs --lines\n"); return 2; }
  if (app && (!lines || roam || clientid || app < 1 || app > 50 || (app > 1 && hold < 0))) { fprintf(stderr, "--app takes 1 room, or up to 50 with --idle, and --lines; neither --roam nor --client-id\n"); return 2; }
  if (app && slow) { fprintf(stderr, "--slow is for plain sockets\n"); return 2; }
  if (app) strcpy(path, "/connection/websocket");
  int others = roam ? roam : app ? app - 1 : 0;
  struct timespec wall0; clock_gettime(CLOCK_REALTIME, &wall0); salt = wall0.tv_sec * 1000ull + wall0.tv_nsec / 1000000;
  if (senders < 0) senders = members; if (tsize > 4000) tsize = 4000;
  for (int i = 0; i < 4096; i++) pad[i] = " hello marketplace "[i % 19];
  N = rooms * members; C = calloc(N, sizeof(conn)); struct rlimit rl = { N + 256 > 20000 ? 20000 : 20000, 20000 }; setrlimit(RLIMIT_NOFILE, &rl);
  ep = epoll_create1(0);
  pstat p0 = tree(pids, npids, 1); long pss0 = g_pss;
  uint64_t tc = now_ns();
  // order: member-major so that rooms fill evenly
  for (int i = 0; i < N; i++) { C[i].idx = i; C[i].room = roombase + i / members; C[i].mem = i % members; C[i].port = ports[(i / members + (together ? 0 : i % members)) % nports]; C[i].last = calloc(members, 4); C[i].fd = -1;
    if (lines) { char t[2048], m[256]; if (fscanf(lines, "%d %2047s %255s", &C[i].room, t, m) != 3) { fprintf(stderr, "--lines: %d lines needed\n", N); return 2; } if (strcmp(t, "-")) C[i].tok = strdup(t); if (strcmp(m, "-")) C[i].mail = strdup(m);
      C[i].own = others ? calloc(others, sizeof(int)) : NULL; for (int k = 0; k < others; k++) if (fscanf(lines, "%d", &C[i].own[k]) != 1) { fprintf(stderr, "%d more rooms a line needed\n", others); return 2; } } }
  int next = 0; while (nready < N) { while (next < N && inprog < conc) start_conn(&C[next++]); pump(50); if (hs_fail > 50 || (next == N && inprog == 0) || now_ns() - tc > 90ull * 1000000000ull) break; }
  double conn_s = (now_ns() - tc) / 1e9;
  if (nready < N) fprintf(stderr, "only %d of %d ready (hs_fail %lu errs %lu)\n", nready, N, hs_fail, errs);
  if (!nready) { printf("{\"error\":\"no connection\"}\n"); return 1; }
  if (hold >= 0) { // idle mode
    uint64_t te = now_ns() + (uint64_t)(hold * 1e9); while (now_ns() < te) pump(20);
    pstat p1 = tree(pids, npids, 1);
    printf("{\"mode\":\"idle\",\"connections\":%d,\"asked\":%d,\"connect_s\":%.3f,\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,\"pss_before_kb\":%ld,\"pss_after_kb\":%ld,\"kb_per_conn\":%.2f,\"kb_per_conn_pss\":%.2f,\"cpu_s\":%.2f,\"nproc\":%d,\"closed\":%lu,\"errs\":%lu,\"srv_err\":%lu}\n", nready, N, conn_s, p0.rss, p1.rss, pss0, g_pss, (double)(p1.rss - p0.rss) / nready, (double)(g_pss - pss0) / nready, p1.cpu - p0.cpu, p1.np, closed_unexp, errs, srv_err);
    return 0; }
  if (slow) { open_slow(); if (slowc.state != S_READY) { fprintf(stderr, "the slow socket was not accepted\n"); return 1; } }
  // settle
  { uint64_t te = now_ns() + 300000000ull; while (now_ns() < te) pump(20); }
  uint64_t t0 = now_ns(); t_start = t0 + (uint64_t)(warmup * 1e9); t_end = t_start + (uint64_t)(duration * 1e9); running = 1;
  int *sl = malloc(sizeof(int) * (rooms * senders + 1)), ns = 0; for (int r = 0; r < rooms; r++) for (int m = 0; m < senders && m < members; m++) sl[ns++] = r * members + m;
  uint64_t isent = 0; if (rate <= 0) { for (int w = 0; w < window; w++) for (int i = 0; i < ns; i++) if (C[sl[i]].state == S_READY) sendmsg_(&C[sl[i]], now_ns()); }
  pstat ps = {0}, pe; double bs[4] = {0}, be[4] = {0}; struct rusage ra, rb; cpul ca[2] = {0}, cb[2] = {0}; int started = 0; double wall = 0; uint64_t ta = 0;
  for (;;) { uint64_t t = now_ns();
    if (!started && t >= t_start) { started = 1; if (slow) epoll_ctl(ep, EPOLL_CTL_DEL, slowc.fd, NULL); ps = tree(pids, npids, 0); besides(bs); getrusage(RUSAGE_SELF, &ra); readcpu(ca); ta = now_ns(); }
    if (t >= t_end) break;
    if (rate > 0) { uint64_t due = 1 + (uint64_t)((t - t0) / 1e9 * rate); int b = 0; while (isent < due && b < 256) { conn *c = &C[sl[isent % ns]]; uint64_t sch = t0 + (uint64_t)(isent * 1e9 / rate); if (c->state == S_READY) sendmsg_(c, sch); isent++; b++; } if (isent < due) pump(0); else { uint64_t nx = t0 + (uint64_t)(isent * 1e9 / rate), t2 = now_ns(); pump_ns(nx > t2 ? (nx - t2 > 5000000 ? 5000000 : nx - t2) : 0); } }
    else pump(10);
  }
  running = 0; wall = (now_ns() - ta) / 1e9; getrusage(RUSAGE_SELF, &rb); readcpu(cb); pe = tree(pids, npids, 1); besides(be);
  // drain: until nothing arrives for `drain` seconds (max 10 s, or as long as that)
  uint64_t expect = sent * (roam ? 1 : members); uint64_t td = now_ns(); t_last = td; while ((recvd < expect || accepted_all < sent) && now_ns() - t_last < (uint64_t)(drain * 1e9) && now_ns() - td < (uint64_t)((drain > 10 ? drain : 10) * 1e9)) pump(20);
  if (app && !told) { fprintf(stderr, "nobody was told of their inbox\n"); srv_err++; }
  double gcpu = (rb.ru_utime.tv_sec - ra.ru_utime.tv_sec) + (rb.ru_stime.tv_sec - ra.ru_stime.tv_sec) + (rb.ru_utime.tv_usec - ra.ru_utime.tv_usec + rb.ru_stime.tv_usec - ra.ru_stime.tv_usec) / 1e6;
  double idle[2], iow[2], steal[2]; for (int i = 0; i < 2; i++) { double tt = cb[i].tot - ca[i].tot; if (tt <= 0) tt = 1; idle[i] = 100 * (cb[i].u[3] - ca[i].u[3]) / tt; iow[i] = 100 * (cb[i].u[4] - ca[i].u[4]) / tt; steal[i] = 100 * (cb[i].u[7] - ca[i].u[7]) / tt; }
  printf("{\"mode\":\"%s\",\"conns\":%d,\"rooms\":%d,\"members\":%d,\"senders\":%d,\"window\":%d,\"rate\":%.0f,\"wall\":%.3f,\"connect_s\":%.3f,\"msgs_s\":%.1f,\"deliv_s\":%.1f,\"own\":{\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f},\"peer\":{\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f},\"sent\":%lu,\"accepted_all\":%lu,\"recvd_all\":%lu,\"lost\":%ld,\"unacked\":%ld,\"dup_ooo\":%lu,\"errs\":%lu,\"srv_err\":%lu,\"badframe\":%lu,\"closed\":%lu,\"hs_fail\":%lu,\"told\":%lu,\"srv_cpu_s\":%.2f,\"srv_cpu_pct\":%.1f,\"srv_us_per_msg\":%.1f,\"rss_kb\":%ld,\"hwm_kb\":%ld,\"nproc\":%d,\"gen_cpu_pct\":%.1f,\"core0_idle\":%.1f,\"core0_iowait\":%.1f,\"core1_idle\":%.1f,\"steal\":%.1f,\"slow_cut\":%s,\"beside_us_per_msg\":[",
    rate > 0 ? "open" : "closed", nready, rooms, members, senders, window, rate, wall, conn_s, w_acc / wall, w_del / wall, hq(&h_own, .5), hq(&h_own, .95), hq(&h_own, .99), h_own.max / 1e6, hq(&h_peer, .5), hq(&h_peer, .95), hq(&h_peer, .99), h_peer.max / 1e6,
    sent, accepted_all, recvd, (long)(expect - recvd), (long)(sent - accepted_all), dup_ooo, errs, srv_err, badframe, closed_unexp, hs_fail, told, pe.cpu - ps.cpu, 100 * (pe.cpu - ps.cpu) / wall, w_acc ? 1e6 * (pe.cpu - ps.cpu) / w_acc : 0, pe.rss, pe.hwm, pe.np, 100 * gcpu / wall, idle[0], iow[0], idle[1], steal[0] + steal[1], !slow ? "null" : was_cut(slowc.fd) ? "true" : "false");
  for (int i = 0; i < nbeside; i++) printf(i ? ",%.2f" : "%.2f", w_acc ? 1e6 * (be[i] - bs[i]) / w_acc : 0);
  printf("]}\n");
  for (int i = 0; i < N; i++) if (C[i].fd >= 0) { char b[2] = { 3, (char)0xe8 }; (void)b; close(C[i].fd); }
  return 0;
}
