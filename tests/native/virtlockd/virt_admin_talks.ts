/** What the test asks virt-admin to do, one talk per subject; every talk has a daemon of its own. */

/** Of every daemon: the test's own clients get these ids. 1 was the test looking for the socket. */
export const CLIENT_IDS = { registered: 2, silent: 3 } as const;

export interface Talk {
  readonly title: string;
  /** Command lines of virt-admin, one process and so one admin client each. */
  readonly commands: readonly string[];
  /** Time for what the talk has set off before it is looked who is still connected. */
  readonly pauseMs?: number;
}

/** Integers an option of type "number" can be given, and what is none. */
const numbers = [
  "0",
  "1",
  "-1",
  "+5",
  "4294967295",
  "4294967296",
  "99999999999999999999",
  "0x10",
  "x",
];

export const talks: readonly Talk[] = [
  {
    title: "the servers and their limits",
    commands: [
      "version",
      "uri",
      "connect",
      "srv-list",
      "srv-threadpool-info virtlockd",
      "srv-threadpool-info admin",
      "srv-clients-info virtlockd",
      "srv-clients-info admin",
      "srv-list; srv-clients-info --server admin; srv-clients-list admin; version",
      "connect --name virtlockd:///system; srv-list; connect; srv-list",
    ],
  },
  {
    title: "servers that do not exist",
    commands: [
      "srv-threadpool-info libvirtd",
      "srv-threadpool-info ''",
      "srv-threadpool-info",
      "srv-clients-info Admin",
      "srv-clients-list nobody",
      "client-info nobody 1",
      "client-disconnect nobody 1",
      "srv-clients-set nobody --max-clients 5",
      "srv-threadpool-set nobody --max-workers 5",
      "srv-update-tls nobody",
      "srv-threadpool-info 'mit Umlaut ä'",
    ],
  },
  {
    title: "the clients",
    commands: [
      "srv-clients-list virtlockd",
      "srv-clients-list admin",
      "client-list virtlockd",
      `client-info virtlockd ${CLIENT_IDS.registered}`,
      `client-info virtlockd ${CLIENT_IDS.silent}`,
      "client-info virtlockd 1",
      "client-info admin 7",
      "client-info admin 8; client-info admin 8",
      "client-info virtlockd 99",
      "client-info virtlockd",
      ...numbers.map((number) => `client-info virtlockd --client=${number}`),
    ],
  },
  {
    title: "clients that are to be disconnected",
    commands: [
      "client-disconnect virtlockd 99",
      "client-disconnect virtlockd 1",
      ...["-1", "x", "99999999999999999999"].map((id) =>
        `client-disconnect virtlockd --client=${id}`
      ),
      `client-disconnect virtlockd ${CLIENT_IDS.silent}`,
      `client-disconnect virtlockd ${CLIENT_IDS.silent}`,
      "srv-clients-list virtlockd",
      "srv-clients-info virtlockd",
      "client-disconnect admin 10",
      "client-disconnect admin 10",
      "srv-clients-list admin",
      `client-disconnect --server virtlockd --client ${CLIENT_IDS.registered}`,
      "srv-clients-list virtlockd",
    ],
  },
  {
    title: "limits of clients",
    commands: [
      "srv-clients-set virtlockd",
      "srv-clients-set virtlockd --max-clients 50",
      "srv-clients-set virtlockd --max-clients 50 --max-unauth-clients 20",
      "srv-clients-info virtlockd",
      "srv-clients-set virtlockd --max-unauth-clients 51",
      "srv-clients-set virtlockd --max-unauth-clients 50",
      "srv-clients-set virtlockd --max-clients 60",
      "srv-clients-set admin --max-clients 6000",
      "srv-clients-info admin",
      ...numbers.map((number) => `srv-clients-set virtlockd --max-clients=${number}`),
      ...numbers.map((number) => `srv-clients-set virtlockd --max-unauth-clients=${number}`),
      "srv-clients-set virtlockd --max-clients 1 --max-unauth-clients 1",
      "srv-clients-info virtlockd",
      "srv-clients-list virtlockd",
    ],
  },
  {
    title: "worker pools, of which there are none",
    commands: [
      "srv-threadpool-set virtlockd",
      ...["min", "max"].flatMap((kind) =>
        numbers.map((number) => `srv-threadpool-set virtlockd --${kind}-workers=${number}`)
      ),
      // With 4294967295 of them the C daemon runs out of memory and ends.
      ...["-1", "x", "0"].map((number) => `srv-threadpool-set admin --priority-workers=${number}`),
      "srv-threadpool-set virtlockd --min-workers 5 --max-workers 3",
      "srv-threadpool-set admin --min-workers 1 --max-workers 2 --priority-workers 3",
      "srv-threadpool-info virtlockd",
      "srv-threadpool-info admin",
      "srv-update-tls virtlockd",
      "srv-update-tls admin",
    ],
  },
  {
    title: "log filters",
    commands: [
      "daemon-log-filters",
      "daemon-log-filters '1:locking 3:util'",
      "daemon-log-filters",
      "daemon-log-filters '4:*rpc*  2:+event'",
      "daemon-log-filters",
      ...["x", "5:x", "0:x", "1:", ":x", "1:a:b", "1:a 9:b", "a:1"].map((bad) =>
        `daemon-log-filters --filters '${bad}'`
      ),
      "daemon-log-filters",
      "daemon-log-filters ''",
      "daemon-log-filters",
    ],
  },
  {
    title: "log outputs",
    commands: [
      "daemon-log-outputs",
      "daemon-log-outputs '2:file:/srv/log'",
      "daemon-log-outputs",
      "daemon-log-outputs '1:file:/srv/log 4:file:/srv/errors 3:stderr'",
      "daemon-log-outputs",
      ...["x", "5:stderr", "1:nowhere", "1:stderr:x", "1:file", "1:file:relative", "1:syslog", "1:"]
        .map((bad) => `daemon-log-outputs --outputs '${bad}'`),
      "daemon-log-outputs '1:file:/none/log'",
      "daemon-log-outputs '3:stderr 1:wrong'",
      "daemon-log-outputs",
      "daemon-log-outputs ''",
      "daemon-log-outputs",
    ],
  },
  {
    title: "the timeout of the daemon",
    commands: [
      "daemon-timeout",
      ...["-1", "x", "4294967296", "99999999999999999999"].map((bad) =>
        `daemon-timeout --timeout=${bad}`
      ),
      "daemon-timeout 3600",
      "daemon-timeout --timeout 3600",
      "daemon-timeout --timeout 0",
      "daemon-timeout --timeout 1",
    ],
    // The timeout must not count as long as anyone is connected.
    pauseMs: 1500,
  },
];
