/** Two corosync daemons: the lab is one node, which has to have a network of its own; the other one is behind a cable. */
import type { Lab } from "../../native/virtlockd/lab.ts";
import type { Daemon } from "../../native/virtlockd/lab_daemon.ts";
import { eventually } from "../helpers/eventually.ts";

const ADDRESSES = ["10.9.9.1", "10.9.9.2"];
const OTHER = "/run/netns/other";
const START_LIMIT_MS = 60_000;

const MACHINE_ROOM = `
  mount -t tmpfs none /dev/shm && mount -t tmpfs none /var/lib/corosync
  ip netns add other
  ip link add cable type veth peer name cable netns other
  ip addr add ${ADDRESSES[0]}/24 dev cable && ip link set cable up
  ip -n other addr add ${ADDRESSES[1]}/24 dev cable && ip -n other link set cable up
  ip -n other link set lo up
`;

/** Corosync's lock is a file in /run. */
const OTHER_NODE = "mount -t tmpfs none /run && exec corosync -f -c /srv/corosync-2.conf";

function configText(log: string): string {
  const nodes = ADDRESSES.map((address, at) =>
    `  node {\n    ring0_addr: ${address}\n    nodeid: ${at + 1}\n  }\n`
  );
  return [
    "totem {\n  version: 2\n  cluster_name: soak\n  transport: udpu",
    // A cut cable is noticed in 0.7 s instead of 3.4.
    "  token: 300\n  token_coefficient: 0\n}",
    "quorum {\n  provider: corosync_votequorum\n}",
    `logging {\n  to_stderr: no\n  to_syslog: no\n  to_logfile: yes\n  logfile: ${log}\n}`,
    `nodelist {\n${nodes.join("")}}\n`,
  ].join("\n");
}

export class TwoNodes {
  #own: Daemon | undefined;

  private constructor(private readonly lab: Lab) {}

  static async form(lab: Lab): Promise<TwoNodes> {
    await lab.run("sh", "-ec", MACHINE_ROOM);
    for (const node of ["1", "2"]) {
      await lab.write(`/srv/corosync-${node}.conf`, configText(`/srv/corosync-${node}.log`));
    }
    const nodes = new TwoNodes(lab);
    const args = [`--net=${OTHER}`, "unshare", "--mount", "sh", "-c", OTHER_NODE];
    await lab.start("nsenter", { args, serves: () => Promise.resolve(true) });
    await nodes.#startOwn();
    return nodes;
  }

  /** The lab's corosync is killed, and another one started. */
  async restart(): Promise<void> {
    await this.#own?.stop();
    await this.#startOwn();
  }

  /** Pulls the cable, or puts it back; the lab's node has quorum only with the other one. */
  async connect(on: boolean): Promise<void> {
    await this.lab.run("ip", "link", "set", "cable", on ? "up" : "down");
    await eventually(`quorum ${on ? "comes" : "goes"}`, async () => await this.#isQuorate() === on);
  }

  /** All clients are told that the configuration was read again. */
  async reload(): Promise<void> {
    await this.lab.run("corosync-cfgtool", "-R");
  }

  async #startOwn(): Promise<void> {
    this.#own = await this.lab.start("corosync", {
      args: ["-f", "-c", "/srv/corosync-1.conf"],
      serves: () => this.#isQuorate(),
      startLimitMs: START_LIMIT_MS,
    });
  }

  /** corosync-quorumtool(8): 0 where there is quorum. */
  async #isQuorate(): Promise<boolean> {
    return (await this.lab.command("corosync-quorumtool", { args: ["-s"] }).output()).success;
  }
}
