"""What a RUN folder holds, how it is written, sealed, resumed and made again."""
