/*
 * Has a living process make a system call, as code within it would: inject PID NUMBER ARGUMENT…
 *
 * An argument is a number, or text behind "s:". Prints what the call returned, or "killed SIGNAL". x86-64 only. Done where the process
 * waits in a system call, which it takes up again afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Below the red zone of the frame that waits. */
#define SCRATCH 4096
#define TEXT_MAX 256
/* The instruction syscall, 0f 05. */
#define SYSCALL_CODE 0x050f
#define SYSCALL_BYTES 2

static void put_text(pid_t pid, unsigned long long at, const char *text) {
  char bytes[TEXT_MAX] = {0};
  strncpy(bytes, text, sizeof bytes - 1);
  for (size_t i = 0; i < sizeof bytes; i += sizeof(long)) {
    long word;
    memcpy(&word, bytes + i, sizeof word);
    if (ptrace(PTRACE_POKEDATA, pid, at + i, word) != 0) abort();
  }
}

/* Waits until the process stops; when it ends instead, says so and ends. */
static void until_stopped(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid) abort();
  if (WIFSIGNALED(status)) {
    printf("killed %d\n", WTERMSIG(status));
    exit(0);
  }
  if (!WIFSTOPPED(status)) abort();
}

/* Stops the process at a moment when it waits in a system call. */
static void stop_waiting(pid_t pid, struct user_regs_struct *regs) {
  for (;;) {
    if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0) abort();
    until_stopped(pid);
    if (ptrace(PTRACE_GETREGS, pid, 0, regs) != 0) abort();
    long code = ptrace(PTRACE_PEEKTEXT, pid, regs->rip - SYSCALL_BYTES, 0);
    if ((long long)regs->orig_rax >= 0 && (code & 0xffff) == SYSCALL_CODE) return;
    if (ptrace(PTRACE_CONT, pid, 0, 0) != 0) abort();
    usleep(1000);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  pid_t pid = atoi(argv[1]);
  if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) != 0) {
    perror("ptrace");
    return 1;
  }
  struct user_regs_struct saved;
  stop_waiting(pid, &saved);
  struct user_regs_struct regs = saved;
  unsigned long long *arguments[] = {&regs.rdi, &regs.rsi, &regs.rdx, &regs.r10, &regs.r8, &regs.r9};
  for (int i = 3; i < argc && i < 9; i++) {
    if (strncmp(argv[i], "s:", 2) == 0) {
      *arguments[i - 3] = saved.rsp - SCRATCH + (i - 3) * TEXT_MAX;
      put_text(pid, *arguments[i - 3], argv[i] + 2);
    } else {
      *arguments[i - 3] = strtoull(argv[i], NULL, 0);
    }
  }
  regs.rax = strtoull(argv[2], NULL, 0);
  regs.orig_rax = -1; /* no call to restart: this one is ours */
  regs.rip = saved.rip - SYSCALL_BYTES;
  if (ptrace(PTRACE_SETREGS, pid, 0, &regs) != 0 || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) != 0) abort();
  until_stopped(pid);
  if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0) abort();
  printf("%lld\n", (long long)regs.rax);
  if (ptrace(PTRACE_SETREGS, pid, 0, &saved) != 0 || ptrace(PTRACE_DETACH, pid, 0, 0) != 0) abort();
  return 0;
}
