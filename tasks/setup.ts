/** Debian packages that a task needs: installed where we may, else named in one line to type. */
import { run } from "./toolchain.ts";

/**
 * Makes sure that Debian packages are installed, and returns whether they are. `purpose` completes "… for PURPOSE".
 *
 * As root it installs what is missing. Otherwise, or where that fails, it prints the command that would.
 */
export async function ensurePackages(
  purpose: string,
  packages: readonly string[],
): Promise<boolean> {
  const missing = await missingPackages(packages);
  if (missing.length === 0) return true;
  const command = `apt-get install --no-install-recommends ${missing.join(" ")}`;
  if (Deno.uid() !== 0) {
    console.log(`For ${purpose}, install as root: ${command}`);
    return false;
  }
  console.log(`Installing for ${purpose}: ${missing.join(" ")}`);
  const failure = await install(missing);
  if (failure !== undefined) {
    console.log(`${failure}\nCould not install for ${purpose}: ${command}`);
  }
  return failure === undefined;
}

/** Those of `packages` that dpkg does not know as installed; all of them where there is no dpkg. */
export async function missingPackages(packages: readonly string[]): Promise<string[]> {
  const query = ["-W", "-f", "${binary:Package} ${db:Status-Abbrev}\\n", ...packages];
  try {
    const installed = installedIn((await run("dpkg-query", query)).stdout);
    return packages.filter((name) => !installed.has(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [...packages];
    throw error;
  }
}

/** Package names that a `dpkg-query` listing of "name[:arch] status" calls installed ("ii"). */
export function installedIn(listing: string): Set<string> {
  const installed = listing.split("\n").filter((line) => / .i\s*$/.test(line));
  return new Set(installed.map((line) => line.replace(/[: ].*/, "")));
}

/** Returns what apt said when the packages cannot be had. */
async function install(packages: readonly string[]): Promise<string | undefined> {
  const args = ["install", "-y", "--no-install-recommends", ...packages];
  if ((await aptGet(args)).success) return undefined;
  await aptGet(["update"]); // an index that is missing or old is the usual reason
  const second = await aptGet(args);
  return second.success ? undefined : second.output;
}

/**
 * No service starts because of us: SYSTEMD_OFFLINE makes systemctl ignore "start" (systemd, docs/ENVIRONMENT.md), and
 * RUNLEVEL makes invoke-rc.d believe in single-user mode (runlevel(8)). Neither leaves anything behind, as a policy-rc.d
 * would if we died.
 */
async function aptGet(args: readonly string[]): ReturnType<typeof run> {
  return await run("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", ...args], {
    env: {
      DEBIAN_FRONTEND: "noninteractive",
      LC_ALL: "C",
      SYSTEMD_OFFLINE: "1",
      RUNLEVEL: "1",
      PREVLEVEL: "N",
    },
  });
}
