#ifndef EXPUNGE_SERVER_MAIN_H_
#define EXPUNGE_SERVER_MAIN_H_

namespace expunge {

// All of `expunged`: the composition root and the process around it. Returns its exit status. Takes SIGTERM, SIGINT and
// SIGPIPE over; to be called once, before any other thread is started.
int ServerMain(int argc, char** argv);

}  // namespace expunge

#endif  // EXPUNGE_SERVER_MAIN_H_
