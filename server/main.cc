#include "server_main.h"

int main(int argc, char** argv) { return expunge::ServerMain(argc, argv); }
