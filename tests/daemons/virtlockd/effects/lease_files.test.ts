/** The lock machine over real files: after every step the kernel has exactly the locks, and this process the descriptors, of the table. */
import "../../../bind_libc.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  createFile,
  deleteFile,
  dropFile,
  identify,
  lockFile,
  makeLockspace,
} from "../../../../daemons/virtlockd/effects/lease_files.ts";
import { emptyLockCall } from "../../../../daemons/virtlockd/lock_protocol.ts";
import {
  isShared,
  type LockTable,
  tableViolations,
} from "../../../../daemons/virtlockd/lockspace.ts";
import {
  type Client,
  LockMachine,
  type Outcome,
  type Work,
} from "../../../../daemons/virtlockd/machine.ts";
import { Errno } from "../../../../ffi/errno.ts";
import { O_CLOEXEC, O_WRONLY, openFile } from "../../../../ffi/file.ts";
import { cString } from "../../../../ffi/memory.ts";
import { Random } from "../../../fuzz/random.ts";

const SEED = 20_230_116;
const STEPS = 6_000;
const PROCEDURES = [4, 5, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7];
const PIDS = [100, 200, 300];

/** A directory with a file of two names and a directory of two. */
function withFolder(run: (folder: string) => void): void {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "hostkeep-leases-" }));
  try {
    Deno.mkdirSync(`${folder}/a`);
    Deno.symlinkSync("a", `${folder}/b`);
    Deno.writeTextFileSync(`${folder}/img`, "");
    Deno.linkSync(`${folder}/img`, `${folder}/a/img`);
    run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** This process's descriptors of files below a folder. */
function openFiles(folder: string): number[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(`${folder}/`)
        ? [Number(name)]
        : [];
    } catch {
      return []; // the one that lists the directory
    }
  }).sort((a, b) => a - b);
}

/**
 * The record locks on these files, as "inode kind". The kernel shows a lock with the descriptor it was taken through; /proc/locks
 * would not do, for it is read in pieces, between which its lines move.
 */
function kernelLocks(descriptors: readonly number[]): string[] {
  const lines = descriptors.flatMap((fd) =>
    Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`).split("\n")
  );
  const locks = lines.flatMap((line) => {
    const [title, , kind, , access, , file] = line.split(/\s+/);
    return title === "lock:" && kind === "POSIX" ? [`${file.split(":")[2]} ${access}`] : [];
  });
  return [...new Set(locks)].sort();
}

class Service {
  readonly machine = new LockMachine(() => 0);
  readonly table: LockTable = this.machine.table;

  constructor(private readonly folder: string) {}

  /** Does a call as the daemon does; the error's text, or "ok". */
  call(client: Client, procedure: number, path: string, name: string, flags: number): string {
    const call = { ...emptyLockCall(), procedure, path, name, flags };
    let work = this.machine.begin(client, call);
    if (work.step !== "reply") work = this.machine.finish(client, call, this.#perform(work));
    if (work.removal !== undefined) dropFile(work.removal);
    return work.error?.message ?? "ok";
  }

  #perform({ step, path, shared, autocreate }: Work): Outcome {
    if (step === "makeLockspace") return makeLockspace(path);
    if (step === "createFile") return createFile(this.table, path);
    if (step === "deleteFile") return deleteFile(this.table, path);
    return lockFile(this.table, path, shared, autocreate);
  }

  check(what: string): void {
    assertEquals(tableViolations(this.table), [], what);
    const inodes = [...this.table.inodes()];
    const locks = inodes.map(({ ino, resources }) =>
      `${ino} ${isShared(resources[0]) ? "READ" : "WRITE"}`
    );
    const known = inodes.flatMap(({ resources, parked }) => [
      ...resources.map(({ fd }) => fd),
      ...parked,
    ]);
    assertEquals(openFiles(this.folder), known.sort((a, b) => a - b), what);
    assertEquals(kernelLocks(known), locks.sort(), what);
  }
}

function client(pid: number): Client {
  return { owner: { uuid: new Uint8Array(16), name: "", id: 1, pid }, restricted: false };
}

Deno.test("the files of a lock service hold what its table says, whatever names they are asked for by", () => {
  withFolder((folder) => {
    const random = new Random(SEED);
    const service = new Service(folder);
    const clients = PIDS.map(client);
    const directories = [`${folder}/a`, `${folder}/a/`, `${folder}/b`];
    for (const path of directories) assertEquals(service.call(clients[0], 3, path, "", 0), "ok");
    const names = ["x", "y", "img", "./x", "../img"];
    const replies = new Map<string, number>();
    for (let n = 0; n < STEPS; n++) {
      const what = `seed ${SEED}, step ${n}`;
      if (random.below(40) === 0) {
        for (const removal of service.table.releaseAll(random.pick(PIDS))) dropFile(removal);
      }
      const path = random.below(5) === 0 ? "" : random.pick(directories);
      const name = path === "" ? `${random.pick(directories)}/x` : random.pick(names);
      const procedure = random.pick(PROCEDURES);
      const flags = procedure === 6 ? random.below(4) : 0;
      const reply = service.call(random.pick(clients), procedure, path, name, flags);
      const kind = `${procedure} ${reply === "ok" ? "ok" : "error"}`;
      replies.set(kind, (replies.get(kind) ?? 0) + 1);
      service.check(what);
    }
    for (const removal of service.table.clear()) dropFile(removal);
    service.check("the end");
    for (const kind of ["4 ok", "4 error", "5 ok", "6 ok", "6 error", "7 ok", "7 error"]) {
      assert((replies.get(kind) ?? 0) > 30, JSON.stringify([...replies]));
    }
  });
});

Deno.test("lockFile joins a shared lock by another name with a descriptor of its own", () => {
  withFolder((folder) => {
    const service = new Service(folder);
    const [one, other] = PIDS.map(client);
    assertEquals(service.call(one, 6, "", `${folder}/img`, 1), "ok");
    assertEquals(service.call(other, 6, "", `${folder}/a/img`, 1), "ok");
    service.check("both names");
    assertEquals(service.call(one, 7, "", `${folder}/img`, 0), "ok");
    service.check("the second name");
    const [{ parked }] = service.table.inodes();
    assertEquals(parked.length, 1);
    assertEquals(service.call(other, 7, "", `${folder}/a/img`, 0), "ok");
    service.check("no name");
  });
});

Deno.test("lockFile takes a parked descriptor again before it makes another", () => {
  withFolder((folder) => {
    const service = new Service(folder);
    const [one, other] = PIDS.map(client);
    assertEquals(service.call(one, 6, "", `${folder}/img`, 1), "ok");
    const { length } = openFiles(folder);
    for (let n = 0; n < 3; n++) {
      assertEquals(service.call(other, 6, "", `${folder}/a/img`, 1), "ok");
      service.check("both names");
      assertEquals(service.call(other, 7, "", `${folder}/a/img`, 0), "ok");
      service.check("the first name");
    }
    assertEquals(openFiles(folder).length, length + 1);
  });
});

Deno.test("lockFile leaves a parked descriptor alone that is for writing only", () => {
  withFolder((folder) => {
    const service = new Service(folder);
    const [one, other] = PIDS.map(client);
    assertEquals(service.call(one, 6, "", `${folder}/img`, 1), "ok");
    const [{ parked, resources }] = service.table.inodes();
    const writer = openFile(cString(`${folder}/img`), O_WRONLY | O_CLOEXEC, 0);
    parked.push(writer);
    assertEquals(service.call(other, 6, "", `${folder}/a/img`, 1), "ok");
    service.check("both names");
    assertEquals(parked, [writer]);
    assert(resources.every(({ fd }) => fd !== writer));
    for (const removal of service.table.clear()) dropFile(removal);
    service.check("no name");
  });
});

Deno.test("lockFile and createFile leave a locked file alone that they are given by another name", () => {
  withFolder((folder) => {
    const service = new Service(folder);
    const [one, other] = PIDS.map(client);
    assertEquals(service.call(one, 6, "", `${folder}/img`, 0), "ok");
    const alias = `${folder}/b/img`;
    for (const flags of [0, 1, 2, 3]) {
      const busy = `resource busy: Lockspace resource '${alias}' is locked`;
      assertEquals(service.call(other, 6, "", alias, flags), busy);
    }
    assertEquals(service.call(other, 4, "", alias, 0), "ok");
    service.check("after all of them");
  });
});

Deno.test("dropFile removes what was made for the lock, and nothing else", () => {
  withFolder((folder) => {
    const service = new Service(folder);
    const one = client(100);
    const exists = (name: string): boolean =>
      [...Deno.readDirSync(folder)].some((e) => e.name === name);
    for (const [flags, stays] of [[0, true], [1, true], [2, false], [3, false]] as const) {
      const path = `${folder}/file`;
      Deno.writeTextFileSync(path, "");
      assertEquals(service.call(one, 6, "", path, flags), "ok");
      assertEquals(service.call(one, 7, "", path, 0), "ok");
      assertEquals(exists("file"), stays, String(flags));
      service.check(String(flags));
    }
  });
});

Deno.test("dropFile leaves a file alone that came in the place of the one that was made for the lock", () => {
  withFolder((folder) => {
    const service = new Service(folder);
    const [one, other] = PIDS.map(client);
    const [path, alias] = [`${folder}/a/x`, `${folder}/b/x`];
    for (const flags of [2, 3]) {
      assertEquals(service.call(one, 6, "", path, flags), "ok");
      Deno.removeSync(path);
      assertEquals(service.call(other, 6, "", alias, 2), "ok");
      const { ino } = Deno.statSync(path);
      assertEquals(service.call(one, 7, "", path, 0), "ok");
      assertEquals(Deno.statSync(path).ino, ino);
      const busy = `resource busy: Lockspace resource '${path}' is locked`;
      assertEquals(service.call(one, 6, "", path, 2), busy);
      assertEquals(service.call(other, 7, "", alias, 0), "ok");
      assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
    }
  });
});

Deno.test("makeLockspace makes parents, and says what is in the way", () => {
  withFolder((folder) => {
    assertEquals(makeLockspace(`${folder}/c/d/e`).result, "done");
    assertEquals(Deno.statSync(`${folder}/c/d/e`).isDirectory, true);
    assertEquals(makeLockspace(`${folder}/c`).result, "done");
    assertEquals(makeLockspace(`${folder}/b`).result, "done");
    assertEquals(makeLockspace(`${folder}/img`).result, "notDirectory");
    const { result, errno } = makeLockspace(`${folder}/img/e`);
    assertEquals([result, errno], ["failed", 20]); // ENOTDIR
  });
});

Deno.test("identify throws Errno for a descriptor that is not open", () => {
  assertThrows(() => identify(999_999), Errno);
});
