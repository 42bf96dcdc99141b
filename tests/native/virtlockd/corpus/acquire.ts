/** ACQUIRE_RESOURCE and RELEASE_RESOURCE, exclusive and shared. */
import { AUTOCREATE, LS, SHARED, Topic } from "./script.ts";

const acquire = new Topic("ACQUIRE_RESOURCE");
export const acquireSequences = acquire.sequences;

const kinds = [
  ["exclusive", 0, "an exclusive"],
  ["shared", SHARED, "a shared"],
] as const;

for (const [kind, flag] of kinds) {
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} locks byte 0 of an existing file`, (s) => {
    s.withLockspace().create(LS, "x").acquire(LS, "x", flag);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} with AUTOCREATE makes the file`, (s) => {
    s.withLockspace().acquire(LS, "x", flag | AUTOCREATE);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} with AUTOCREATE takes an existing file`, (s) => {
    const a = s.withLockspace();
    s.file(`${LS}/x`, "content", 0o640);
    a.acquire(LS, "x", flag | AUTOCREATE);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} of a missing file is refused`, (s) => {
    s.withLockspace().acquire(LS, "x", flag).acquire("", "/srv/x", flag);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} in the default lockspace locks the path`, (s) => {
    s.file("/srv/disk.img", "image");
    s.owner("a").acquire("", "/srv/disk.img", flag);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} in the default lockspace can make the file`, (s) => {
    s.owner("a").acquire("", "/srv/disk.img", flag | AUTOCREATE);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} of an exclusive resource is busy`, (s) => {
    s.withLockspace().acquire(LS, "x", AUTOCREATE).acquire(LS, "x", flag)
      .acquire(LS, "x", flag | AUTOCREATE);
    s.owner("b").acquire(LS, "x", flag).acquire(LS, "x", flag | AUTOCREATE);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} in a missing directory is refused`, (s) => {
    s.withLockspace().acquire(LS, "missing/x", flag).acquire(LS, "missing/x", flag | AUTOCREATE)
      .acquire("", "/srv/missing/x", flag | AUTOCREATE);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} of a directory is refused`, (s) => {
    const a = s.withLockspace();
    s.directory(`${LS}/d`);
    a.acquire(LS, "d", flag).acquire(LS, "d", flag | AUTOCREATE).acquire("", LS, flag);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} on a read-only file system is refused`, (s) => {
    s.directory("/srv/ro");
    s.file("/srv/ro/there");
    s.mount("/srv/ro", "read-only");
    s.owner("a").acquire("", "/srv/ro/there", flag).acquire("", "/srv/ro/x", flag | AUTOCREATE);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} on a full file system is refused`, (s) => {
    s.directory("/srv/full");
    s.mount("/srv/full", "full");
    s.owner("a").newLockspace("/srv/full").acquire("/srv/full", "x", flag | AUTOCREATE);
  });
  acquire.sequence(`ACQUIRE_RESOURCE ${kind} through a symbolic link locks its target`, (s) => {
    s.file("/srv/target");
    const a = s.withLockspace();
    s.symlink("/srv/target", `${LS}/link`);
    a.acquire(LS, "link", flag);
  });
  acquire.sequence(
    `ACQUIRE_RESOURCE ${kind} with AUTOCREATE through a dangling link makes its target`,
    (s) => {
      const a = s.withLockspace();
      s.symlink("/srv/target", `${LS}/link`);
      a.acquire(LS, "link", flag).acquire(LS, "link", flag | AUTOCREATE).release(LS, "link");
    },
  );
}

acquire.sequence("ACQUIRE_RESOURCE in an unknown lockspace is refused", (s) => {
  s.withLockspace().acquire("/srv/other", "x").acquire(`${LS}/`, "x").acquire("srv/ls", "x", 3);
});
acquire.sequence("ACQUIRE_RESOURCE before REGISTER is refused", (s) => {
  s.connect("b").createLockspace();
  s.connect("a").acquire(LS, "x", AUTOCREATE).acquire("/srv/unknown", "x");
});
acquire.sequence("ACQUIRE_RESOURCE with an unknown flag is refused naming the bad bits", (s) => {
  const a = s.withLockspace();
  const unregistered = s.connect("c");
  for (const flags of [4, 7, 0x80000000, 0xffffffff]) {
    a.acquire(LS, "x", flags);
    unregistered.acquire(LS, "x", flags);
  }
});
acquire.sequence("ACQUIRE_RESOURCE of an empty name means the lockspace directory", (s) => {
  s.withLockspace().acquire(LS, "").acquire(LS, "", AUTOCREATE);
});
acquire.sequence("ACQUIRE_RESOURCE of an empty name in the default lockspace is refused", (s) => {
  s.owner("a").acquire("", "").acquire("", "", AUTOCREATE);
});
acquire.sequence("ACQUIRE_RESOURCE of a name with dot-dot leaves the directory", (s) => {
  s.withLockspace().acquire(LS, "../x", AUTOCREATE).acquire(LS, "..");
});
acquire.sequence("ACQUIRE_RESOURCE of a name with a slash takes a file below", (s) => {
  const a = s.withLockspace();
  s.directory(`${LS}/d`);
  a.acquire(LS, "d/x", AUTOCREATE).acquire(LS, "/d/y", AUTOCREATE);
});
acquire.sequence("ACQUIRE_RESOURCE cuts the name at a NUL", (s) => {
  s.withLockspace().acquire(LS, "x\0tail", AUTOCREATE).acquire(LS, "x").release(LS, "x\0other");
});
acquire.sequence("ACQUIRE_RESOURCE of a name that is not UTF-8 locks those bytes", (s) => {
  const name = Uint8Array.of(0x78, 0xe9, 0xff);
  const other = Uint8Array.of(0x78, 0xfe, 0xff);
  s.withLockspace().acquire(LS, name, AUTOCREATE).acquire(LS, name).acquire(LS, other)
    .release(LS, other).release(LS, name);
});
acquire.sequence("ACQUIRE_RESOURCE of a name of valid UTF-8 answers with the same bytes", (s) => {
  s.withLockspace().acquire(LS, "grüße 🔒", AUTOCREATE).acquire(LS, "grüße 🔒");
});
acquire.sequence(
  "ACQUIRE_RESOURCE of a name with percent signs answers them as they stand",
  (s) => {
    s.withLockspace().acquire(LS, "%s%n%100d", AUTOCREATE).acquire(LS, "%s%n%100d");
  },
);
acquire.sequence("ACQUIRE_RESOURCE of a name of 255 bytes succeeds", (s) => {
  s.withLockspace().acquire(LS, "n".repeat(255), AUTOCREATE).acquire(LS, "n".repeat(255));
});
acquire.sequence("ACQUIRE_RESOURCE of a name of 256 bytes is refused", (s) => {
  s.withLockspace().acquire(LS, "n".repeat(256), AUTOCREATE).acquire(LS, "n".repeat(256));
});
acquire.sequence(
  "ACQUIRE_RESOURCE of a path of 4095 bytes succeeds and of 4096 is refused",
  (s) => {
    const path = (length: number): string => `/srv${"/".repeat(length - 5)}x`;
    s.owner("a").acquire("", path(4095), AUTOCREATE).acquire("", path(4096), AUTOCREATE);
  },
);
acquire.sequence("ACQUIRE_RESOURCE of a name of 65536 bytes is refused", (s) => {
  s.withLockspace().acquire(LS, "n".repeat(65536), AUTOCREATE).ping();
});
acquire.sequence("ACQUIRE_RESOURCE of a name or path of 65537 bytes cannot be decoded", (s) => {
  const long = "n".repeat(65537);
  s.withLockspace().acquire(LS, long, AUTOCREATE).acquire(long, "x").ping();
});
acquire.sequence("ACQUIRE_RESOURCE of a relative path starts at the working directory", (s) => {
  s.owner("a").acquire("", "x", AUTOCREATE).acquire("", "./y", AUTOCREATE);
});
acquire.sequence("ACQUIRE_RESOURCE below a file is refused", (s) => {
  s.file("/srv/file");
  s.owner("a").acquire("", "/srv/file/x", AUTOCREATE).acquire("", "/srv/file/x");
});
acquire.sequence("ACQUIRE_RESOURCE of a symbolic link to itself is refused", (s) => {
  const a = s.withLockspace();
  s.symlink("loop", `${LS}/loop`);
  a.acquire(LS, "loop").acquire(LS, "loop", AUTOCREATE);
});
acquire.sequence("ACQUIRE_RESOURCE of a file without permissions succeeds for root", (s) => {
  const a = s.withLockspace();
  s.file(`${LS}/x`, "", 0);
  a.acquire(LS, "x");
});
acquire.sequence("ACQUIRE_RESOURCE locks a character device", (s) => {
  s.device("/srv/device");
  const a = s.owner("a").acquire("", "/srv/device").acquire("", "/srv/device");
  s.observe("locked");
  a.release("", "/srv/device");
});
acquire.sequence("ACQUIRE_RESOURCE of the same name in two lockspaces locks two files", (s) => {
  s.withLockspace().newLockspace("/srv/other").acquire(LS, "x", AUTOCREATE)
    .acquire("/srv/other", "x", AUTOCREATE).release(LS, "x");
});
acquire.sequence("ACQUIRE_RESOURCE of 100 resources locks all of them", (s) => {
  const a = s.withLockspace();
  for (let i = 0; i < 100; i++) a.acquire(LS, `disk ${i}`, AUTOCREATE | (i % 2));
  for (let i = 0; i < 100; i += 3) a.release(LS, `disk ${i}`);
});
acquire.sequence("ACQUIRE_RESOURCE that failed leaves the resource free", (s) => {
  const a = s.withLockspace().acquire(LS, "x").create(LS, "x").acquire(LS, "x");
  s.owner("b").acquire(LS, "x");
  a.release(LS, "x");
});
acquire.sequence(
  "ACQUIRE_RESOURCE takes a file that was removed while locked for still locked",
  (s) => {
    const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
    s.remove(`${LS}/x`);
    a.acquire(LS, "x", AUTOCREATE).release(LS, "x").acquire(LS, "x", AUTOCREATE);
  },
);
acquire.sequence("ACQUIRE_RESOURCE is busy after the locked file was renamed away", (s) => {
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
  s.rename(`${LS}/x`, `${LS}/y`);
  a.acquire(LS, "x", AUTOCREATE).release(LS, "x");
});
acquire.sequence("ACQUIRE_RESOURCE survives the end of the connection of another process", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).close();
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});

const release = new Topic("RELEASE_RESOURCE");
export const releaseSequences = release.sequences;

for (const [, flag, aLock] of kinds) {
  release.sequence(`RELEASE_RESOURCE of ${aLock} lock frees and keeps the file`, (s) => {
    s.withLockspace().create(LS, "x").acquire(LS, "x", flag).release(LS, "x").acquire(LS, "x");
  });
  release.sequence(`RELEASE_RESOURCE of ${aLock} AUTOCREATE lock removes the file`, (s) => {
    s.withLockspace().acquire(LS, "x", flag | AUTOCREATE).release(LS, "x");
  });
  release.sequence(
    `RELEASE_RESOURCE of ${aLock} AUTOCREATE lock removes a file that was there before`,
    (s) => {
      const a = s.withLockspace();
      s.file(`${LS}/x`, "content");
      a.acquire(LS, "x", flag | AUTOCREATE).release(LS, "x");
    },
  );
  release.sequence(`RELEASE_RESOURCE twice of ${aLock} lock is refused the second time`, (s) => {
    s.withLockspace().acquire(LS, "x", flag | AUTOCREATE).release(LS, "x").release(LS, "x");
  });
  release.sequence(`RELEASE_RESOURCE of ${aLock} lock by another owner is refused`, (s) => {
    const a = s.withLockspace().acquire(LS, "x", flag | AUTOCREATE);
    s.owner("b").release(LS, "x");
    a.release(LS, "x");
  });
  release.sequence(
    `RELEASE_RESOURCE of ${aLock} lock by another connection of the same owner succeeds`,
    (s) => {
      const a = s.withLockspace().acquire(LS, "x", flag | AUTOCREATE);
      s.connect("b").register({ pid: 70001, id: 77, name: "other" }).release(LS, "x");
      a.release(LS, "x");
    },
  );
  release.sequence(`RELEASE_RESOURCE of ${aLock} lock whose file is gone succeeds`, (s) => {
    const a = s.withLockspace().acquire(LS, "x", flag | AUTOCREATE);
    s.remove(`${LS}/x`);
    a.release(LS, "x").acquire(LS, "x", AUTOCREATE);
  });
  release.sequence(
    `RELEASE_RESOURCE of ${aLock} AUTOCREATE lock removes whatever has the name now`,
    (s) => {
      const a = s.withLockspace().acquire(LS, "x", flag | AUTOCREATE);
      s.rename(`${LS}/x`, `${LS}/away`);
      s.file(`${LS}/x`, "another file");
      a.release(LS, "x");
    },
  );
  release.sequence(
    `RELEASE_RESOURCE of ${aLock} AUTOCREATE lock succeeds though a directory has the name`,
    (s) => {
      const a = s.withLockspace().acquire(LS, "x", flag | AUTOCREATE);
      s.remove(`${LS}/x`);
      s.directory(`${LS}/x`);
      a.release(LS, "x");
    },
  );
  release.sequence(
    `RELEASE_RESOURCE of ${aLock} AUTOCREATE lock through a symbolic link removes the link`,
    (s) => {
      s.file("/srv/target", "kept");
      const a = s.withLockspace();
      s.symlink("/srv/target", `${LS}/link`);
      a.acquire(LS, "link", flag | AUTOCREATE).release(LS, "link");
    },
  );
  release.sequence(`RELEASE_RESOURCE of ${aLock} lock in the default lockspace`, (s) => {
    s.file("/srv/disk.img", "image");
    s.owner("a").acquire("", "/srv/disk.img", flag).release("", "/srv/disk.img")
      .acquire("", "/srv/disk.img", flag | AUTOCREATE).release("", "/srv/disk.img");
  });
}
release.sequence("RELEASE_RESOURCE of a resource never locked is refused", (s) => {
  s.withLockspace().create(LS, "x").release(LS, "x").release(LS, "missing").release("", "/srv/x");
});
release.sequence("RELEASE_RESOURCE in an unknown lockspace is refused", (s) => {
  s.owner("a").release(LS, "x").newLockspace().acquire(LS, "x", AUTOCREATE).release(`${LS}/`, "x");
});
release.sequence("RELEASE_RESOURCE before REGISTER is refused", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE);
  s.connect("b").release(LS, "x").release("/srv/unknown", "x");
});
release.sequence("RELEASE_RESOURCE with any flag is refused and the lock stays", (s) => {
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
  for (const flags of [1, 2, 3, 0xffffffff]) a.release(LS, "x", flags);
});
release.sequence("RELEASE_RESOURCE of an empty and of a long name is refused", (s) => {
  s.withLockspace().release(LS, "").release("", "").release(LS, "n".repeat(65536));
});
release.sequence("RELEASE_RESOURCE of a name of 65537 bytes cannot be decoded", (s) => {
  s.withLockspace().release(LS, "n".repeat(65537));
});
release.sequence("RELEASE_RESOURCE of a name that is not UTF-8 and not locked is refused", (s) => {
  s.withLockspace().release(LS, Uint8Array.of(0xff, 0xfe)).release(Uint8Array.of(0xc3), "x");
});
release.sequence("RELEASE_RESOURCE by a connection that made no lock of its own", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).close();
  s.connect("b").register({ pid: 70001 }).release(LS, "x");
});
release.sequence("RELEASE_RESOURCE in a lockspace whose directory is gone succeeds", (s) => {
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
  s.rename(LS, "/srv/away");
  a.release(LS, "x").acquire(LS, "x", AUTOCREATE);
});
release.sequence("RELEASE_RESOURCE and ACQUIRE_RESOURCE alternate for long", (s) => {
  const a = s.withLockspace();
  for (let i = 0; i < 50; i++) a.acquire(LS, "x", AUTOCREATE | (i % 2)).release(LS, "x");
});

const shared = new Topic("shared");
export const sharedSequences = shared.sequences;

shared.sequence("two owners share a resource and the last release frees it", (s) => {
  const a = s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  const b = s.owner("b").acquire(LS, "x", SHARED | AUTOCREATE);
  a.release(LS, "x");
  s.observe("one sharer left");
  s.owner("c").acquire(LS, "x", AUTOCREATE);
  b.release(LS, "x");
});
shared.sequence("three owners share a resource in the default lockspace", (s) => {
  s.file("/srv/disk.img");
  const clients = (["a", "b", "c"] as const).map((name) =>
    s.owner(name).acquire("", "/srv/disk.img", SHARED)
  );
  for (const client of clients) client.release("", "/srv/disk.img");
});
shared.sequence("one owner shares a resource with itself and needs two releases", (s) => {
  const a = s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE).acquire(LS, "x", SHARED);
  a.release(LS, "x");
  s.observe("one entry left");
  a.release(LS, "x").release(LS, "x");
});
shared.sequence("an owner releases only its own entries of a shared resource", (s) => {
  s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  s.owner("b").acquire(LS, "x", SHARED).release(LS, "x").release(LS, "x");
});
shared.sequence(
  "an exclusive request on a shared resource is busy, even of the only sharer",
  (s) => {
    s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE).acquire(LS, "x")
      .acquire(LS, "x", AUTOCREATE);
  },
);
shared.sequence("the first sharer without AUTOCREATE decides that the file stays", (s) => {
  const a = s.withLockspace().create(LS, "x").acquire(LS, "x", SHARED);
  const b = s.owner("b").acquire(LS, "x", SHARED | AUTOCREATE);
  a.release(LS, "x");
  b.release(LS, "x");
});
shared.sequence("the first sharer with AUTOCREATE decides that the file goes", (s) => {
  const a = s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  const b = s.owner("b").acquire(LS, "x", SHARED);
  a.release(LS, "x");
  b.release(LS, "x");
});
shared.sequence("a later sharer of a removed file is granted without looking at the disk", (s) => {
  s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  s.remove(`${LS}/x`);
  s.owner("b").acquire(LS, "x", SHARED).release(LS, "x");
});
shared.sequence("a shared resource becomes exclusive after everybody left", (s) => {
  const a = s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE).release(LS, "x");
  a.acquire(LS, "x", AUTOCREATE);
  s.owner("b").acquire(LS, "x", SHARED);
});
shared.sequence("a client that changes its owner pid shares a resource twice", (s) => {
  s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE).register({ pid: 70002 })
    .acquire(LS, "x", SHARED).release(LS, "x").release(LS, "x").register({ pid: 70001 })
    .release(LS, "x");
});
