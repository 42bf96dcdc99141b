/** Our daemon at a path of the lab's own: every user can reach it there, and the file can be replaced. */
import type { Lab } from "../../native/virtlockd/lab.ts";
import { ownDaemon } from "../../native/virtlockd/lab_daemon.ts";

/** Puts the daemon, or another program, at `path`, over what is there. */
export async function install(lab: Lab, path: string, program = ownDaemon()): Promise<void> {
  await lab.write(path, "");
  await lab.run("mount", "--bind", program, path);
}

/** Takes away what install() put there last. */
export async function uninstall(lab: Lab, path: string): Promise<void> {
  await lab.run("umount", "--lazy", path);
}
