/** Where the sandbox is tried: a mount namespace in which every folder that may be harmed is made for the purpose. */
import type { PathGrant, PathRight } from "../../src/host/manifest.ts";
import type { SandboxPlaces } from "../../src/host/sandbox_paths.ts";

export const ALL_RIGHTS: readonly PathRight[] = [
  ...["read", "write", "create", "socket", "remove", "execute"] as const,
];

/** Covered by empty file systems. */
const COVERED = ["/sys", "/dev", "/dev/shm"];
/** Files below those, made as files. */
const COVERED_FILES = ["/dev/null"];
const NOBODY = 65_534;

/** $1 is a list of folders to furnish, one a line; then comes what is executed. */
const FURNISH = `
  furnished=$1; shift
  for folder in ${COVERED.join(" ")}; do
    mkdir -p $folder; mount -t tmpfs sandbox $folder || exit 1
  done
  for file in ${COVERED_FILES.join(" ")}; do : > $file; done
  for folder in $furnished; do
    rm -rf $folder/new
    mkdir -p $folder/folder $folder/sticky
    for file in file foreign readable sticky/file; do echo x > $folder/$file; done
    echo nothing that can be run > $folder/program; chmod 755 $folder/program
    chmod 0 $folder/foreign; chmod 1777 $folder/sticky
    for file in foreign readable sticky/file sticky; do chown ${NOBODY} $folder/$file; done
  done
  exec prlimit --memlock=0:0 "$@"
`;

/** A grant's place, and what is in it to be tried. */
export interface Place {
  readonly path: string;
  /** Made for the purpose: everything may be tried. Else only what does no harm. */
  readonly isOwn: boolean;
  readonly isFile: boolean;
}

/** Folders in which there is `file`, `folder`, `program` (nothing that can be run), and others that are nobody's. */
export class Site {
  readonly places: SandboxPlaces;
  /** Which no manifest lists but as part of "/". */
  readonly elsewhere: string;
  readonly #furnished: readonly string[];

  /** `scratch` is a folder, `program` that of the program that tries. */
  constructor(scratch: string, program: string) {
    const own = (name: string) => `${scratch}/${name}`;
    this.elsewhere = own("elsewhere");
    this.places = {
      run: own("run"),
      config: own("config"),
      cache: own("cache"),
      log: own("log"),
      program,
    };
    this.#furnished = [...COVERED, this.elsewhere, ...Object.values(this.places).flat()];
  }

  /** The command that runs a program here, with arguments. */
  front(command: readonly string[]): [string, ...string[]] {
    const namespace = ["--mount", "--propagation", "private"];
    return [
      "unshare",
      ...namespace,
      "sh",
      "-c",
      FURNISH,
      "sh",
      this.#furnished.join("\n"),
      ...command,
    ];
  }

  /** Throws NotFound for a path that this machine does not have. */
  placeOf(grant: string): Place {
    if (grant === "/") return this.placeOf(this.elsewhere);
    const path = this.resolved(grant);
    if (this.#furnished.includes(path)) return { path, isOwn: true, isFile: false };
    if (COVERED_FILES.includes(path)) return { path, isOwn: true, isFile: true };
    return { path, isOwn: false, isFile: Deno.statSync(path).isFile };
  }

  /** `$run` and so on with their places. */
  resolved(grant: string): string {
    const [, name, rest] = /^\$(\w+)(.*)$/.exec(grant) ?? [];
    return name === undefined ? grant : `${this.places[name as keyof SandboxPlaces]}${rest}`;
  }

  /** Whether what is granted on one path holds for another. */
  covers(grant: string, path: string): boolean {
    const [upper, lower] = [real(this.resolved(grant)), real(path)];
    return upper === "/" || lower === upper || lower.startsWith(`${upper}/`);
  }

  /** The list without a right on a path, whichever of its lines grants it there. */
  without(grants: readonly PathGrant[], path: string, right: PathRight): PathGrant[] {
    return grants.map((grant) =>
      this.covers(grant.path, path)
        ? { ...grant, rights: grant.rights.filter((one) => one !== right) }
        : grant
    ).filter(({ rights }) => rights.length > 0);
  }
}

function real(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
