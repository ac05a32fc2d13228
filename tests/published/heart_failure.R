# The heart-failure table (299 patients, those with a time and the three values), a score that nobody fitted, and what R makes of it.
# Rscript tests/published/heart_failure.R TABLE.csv
library(survival)
options(digits = 15)
d <- read.csv(commandArgs(TRUE)[1], fileEncoding = "UTF-8-BOM")
d <- d[complete.cases(d[, c("age", "ejection_fraction", "serum_creatinine", "time", "DEATH_EVENT")]), ]
cat("patients", nrow(d), "\n")
time <- d$time; event <- d$DEATH_EVENT
score <- .05 * d$age - .05 * d$ejection_fraction + .3 * d$serum_creatinine
day <- 180
said <- 1 - exp(-day / 600 * exp(score - 1.6))

f <- survfit(Surv(time, event) ~ 1, conf.type = "log-log")
s <- summary(f, times = c(30, 90, 180))
cat("probability", 1 - s$surv, "\nlow", 1 - s$upper, "\nhigh", 1 - s$lower, "\n")
cat("mean", survival:::survmean(f, rmean = day)$matrix[c("rmean", "se(rmean)")], "\n")
cat("harrell", concordance(Surv(time, event) ~ score, reverse = TRUE)$concordance, "\n")

# weights: an event and a censoring on one day, the event comes first; G on a day has its own drop in it
G <- survfit(Surv(time + ifelse(event == 0, 1e-3, 0), event == 0) ~ 1)
curve <- stepfun(G$time, c(1, G$surv)); g <- function(t) curve(t + 2e-3)
had <- ifelse(event == 1 & time <= day, 1 / g(time), 0)
free <- (time > day) / g(day)
wins <- outer(score, score, ">") + .5 * outer(score, score, "==")
cat("brier", mean(had * (1 - said)^2 + free * said^2), "\n")
null <- 1 - summary(f, times = day)$surv
cat("ipa", 1 - mean(had * (1 - said)^2 + free * said^2) / mean(had * (1 - null)^2 + free * null^2), "\n")
cat("auc", sum(wins * outer(had, free)) / sum(outer(had, free)), "\n")
cat("observed_expected", null / mean(said), "\n")

known <- had + free > 0
w <- (had + free)[known]; y <- (had > 0)[known]; x <- log(said / (1 - said))[known]
m <- glm(y ~ x, family = quasibinomial, weights = w, control = list(epsilon = 1e-14))
X <- model.matrix(m); p <- fitted(m); U <- X * (w * (y - p)); B <- solve(t(X) %*% (X * (w * p * (1 - p))))
n <- sum(known)
cat("slope", coef(m)[2], sqrt((B %*% crossprod(U) %*% B)[2, 2] * n / (n - 1)), "\n")
