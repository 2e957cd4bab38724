/* Preloaded into a program: its fsync and fdatasync lie or fail, as CRASH_RIG_FAULT says.
     directory-fsync  folders are not synced, and it says they were; files as by fdatasync, since this ext4 brings
                      every folder to the disk whenever it writes down when a file was changed; and so does the
                      sync of a segment that is made ready, which is therefore held up for a while, and the first
                      write into room that was given out unwritten, which is therefore filled with zeros
     fdatasync        files as by fdatasync, and folders as asked: no lie, for comparison
     ledger-normal    the ledger's journal is not synced at each commit, as with synchronous=NORMAL
     eio:TEXT         what has TEXT in its path answers EIO, while the file CRASH_RIG_TRIGGER exists */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum answer { HONEST, CONTENT_ONLY, LIE, FAIL };

static int path_of(int file, char *path, size_t room) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, room - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static void make_ready(int file, const char *path) {
    static const char zeros[1 << 16];
    struct stat status;
    if (!strstr(path, "/spare.segment") || fstat(file, &status)) return;
    usleep(300000);
    for (off_t at = 0; at < status.st_size; at += sizeof zeros)
        if (pwrite(file, zeros, sizeof zeros, at) < 0) return;
}

static enum answer answer_for(int file) {
    const char *fault = getenv("CRASH_RIG_FAULT"), *trigger = getenv("CRASH_RIG_TRIGGER");
    char path[4096];
    struct stat status;
    if (!fault) return HONEST;
    if (!strcmp(fault, "directory-fsync") || !strcmp(fault, "fdatasync")) {
        if (fstat(file, &status) || !S_ISDIR(status.st_mode)) {
            if (path_of(file, path, sizeof path)) make_ready(file, path);
            return CONTENT_ONLY;
        }
        return strcmp(fault, "fdatasync") ? LIE : HONEST;
    }
    if (!path_of(file, path, sizeof path)) return HONEST;
    if (!strcmp(fault, "ledger-normal")) return strstr(path, "/ledger.db-wal") ? LIE : HONEST;
    if (!strncmp(fault, "eio:", 4))
        return trigger && !access(trigger, F_OK) && strstr(path, fault + 4) ? FAIL : HONEST;
    return HONEST;
}

static int synced(int file, const char *name) {
    enum answer answer = answer_for(file);
    if (answer == LIE) return 0;
    if (answer == FAIL) {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, answer == CONTENT_ONLY ? "fdatasync" : name);
    return real(file);
}

int fsync(int file) { return synced(file, "fsync"); }
int fdatasync(int file) { return synced(file, "fdatasync"); }
